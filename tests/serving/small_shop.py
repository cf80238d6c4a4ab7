"""A small shop as the service finds it on disk: online rows in Feast's layout, products, assumptions, five tiny fitted models; seeded."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from features.assumptions import FILE as ASSUMPTIONS_FILE
from features.feast_bytes import PROJECT, VIEW, entity_key
from features.feature_sets import CATEGORY, CUSTOMER, RECENT
from features.import_consent import ImportConsent
from features.packing import Block
from features.permitted import state_import
from features.products import FILE as PRODUCTS_FILE
from features.products import Coupon, Product, Products
from features.settings import FeatureSettings
from features.store import DATABASE
from features.versions import new_version
from tests.serving.small_policy import write_small_policy
from tests.serving.small_value import save_value
from training import local_models
from training.artifacts.bundle_columns import ANYBODY_INPUTS as BUNDLE_ANYBODY
from training.artifacts.bundle_columns import COMPLETE_INPUTS, PARTIAL_INPUTS
from training.artifacts.bundle_table import BundleTable
from training.artifacts.bundles import BundleModel, BundleSettings
from training.artifacts.calibration import LogitMap
from training.artifacts.category_path import TREE_INPUTS
from training.artifacts.folder import Manifest
from training.artifacts.hazard_path import HazardPath
from training.artifacts.items import ANYBODY_INPUTS, EXPLORE_INPUTS, REPEAT_INPUTS, ItemModel, ItemSettings
from training.artifacts.logistic_map import LogisticMap
from training.artifacts.pareto_nbd import ParetoNbd
from training.artifacts.repurchase import FEATURE_SET_HASH, RepurchaseHeader, RepurchaseModel
from training.artifacts.return_hazard import HORIZONS, HazardHeader, ReturnHazard
from training.local_models import VersionRef

AS_OF = datetime(2024, 6, 30, 12, tzinfo=UTC)
CUSTOMERS = tuple(f"c{i:03d}" for i in range(120))
CATEGORIES = ("bread", "coffee", "fruit", "masks", "milk", "soap", "tea", "towels")
PRODUCTS = tuple(f"p{i:02d}" for i in range(40))  # five of each category
OUT_OF_STOCK, INACTIVE = "p03", "p07"
LEAVING = "c119"  # silent for half a year after a steady rhythm
RUNNING, ENDED, FUTURE = "running", "ended", "future"
ASSUMPTIONS = """
name = "small"
note = "for tests"
currency = "EUR"
[margins]
default = 0.3
[contacts]
default_cost = 0.02
[contacts.cost]
email = 0.01
mail = 50.0
[offers]
coupon_value = 0.5
bundle_discount = 0.05
winback_discount = 0.1
winback_from_churn = 0.35
[catalogue]
inactive_after_days = 56
stock = "unlimited"
[layers]
high_value_from_percentile = 80
potential_from_percentile = 40
dormant_after_days = 91
[consent]
channels = ["email", "mail", "app"]
inbound_channels = ["web", "desk"]
"""

Array = NDArray[np.float64]


def write_small_shop(data_dir: Path, *, seed: int = 7) -> None:
    """Online state and models below `data_dir`, as `huitou build` and `huitou train` leave them."""
    write_online(data_dir, seed=seed)
    write_small_policy(data_dir)
    state_import(FeatureSettings(data_dir=data_dir), CUSTOMERS, ImportConsent.GRANTED)
    for name, write in (
        ("return_hazard", write_hazard),
        ("value", write_value),
        ("repurchase", write_repurchase),
        ("items", write_items),
        ("bundles", write_bundles),
    ):
        promote(data_dir, name, write(data_dir / "fitted" / name, seed), version="1")


def promote(data_dir: Path, name: str, folder: Path, *, version: str) -> None:
    """Install an artifact as the champion."""
    ref = VersionRef(version=version, run_id="0a1b2c3d4e5f")
    local_models.install(data_dir, name, ref, folder)
    local_models.promote(data_dir, name, ref, promoted_at=AS_OF)


def write_online(data_dir: Path, *, seed: int = 7, as_of: datetime = AS_OF) -> None:
    """A version of the online state."""
    random = np.random.default_rng(seed)
    vectors = customer_vectors(random)
    with new_version(data_dir / "online", {"seed": seed, "as_of": as_of.isoformat()}) as folder:
        (folder / ASSUMPTIONS_FILE).write_text(ASSUMPTIONS, encoding="utf-8")
        (folder / PRODUCTS_FILE).write_text(products(vectors, as_of).model_dump_json(), encoding="utf-8")
        connection = sqlite3.connect(folder / DATABASE)
        connection.execute(f'CREATE TABLE "{PROJECT}_{VIEW}" (entity_key BLOB, feature_name TEXT, value BLOB)')
        for customer, vector in zip(CUSTOMERS, vectors, strict=True):
            for name, block in customer_blocks(vector, random, as_of).items():
                row = (entity_key(customer), name, feast_bytes(block.pack()))
                connection.execute(f'INSERT INTO "{PROJECT}_{VIEW}" VALUES (?, ?, ?)', row)  # noqa: S608
        connection.commit()
        connection.close()


def feast_bytes(data: bytes) -> bytes:
    """A serialized Feast `Value` that holds bytes: tag, varint length, content."""
    length, varint = len(data), bytearray()
    while length > 0x7F:
        varint.append(length & 0x7F | 0x80)
        length >>= 7
    return b"\x0a" + bytes(varint) + bytes([length]) + data


def customer_vectors(random: np.random.Generator) -> Array:
    """(customers, features): rhythms from 2 to 40 days, silences of up to four gaps."""
    n, c = len(CUSTOMERS), {name: i for i, name in enumerate(CUSTOMER.columns)}
    gap = random.uniform(2, 40, n)
    silence = gap * random.uniform(0, 4, n)
    gap[-1], silence[-1] = 7.0, 180.0
    age = 365.0
    days = np.maximum((age - silence) / gap, 1).round()
    x = np.full((n, len(CUSTOMER.columns)), np.nan)
    spend = random.uniform(5, 80, n)
    values = {
        "days_observed": age,
        "days_since_first_order": age,
        "days_since_last_order": silence,
        "order_count": days + 1,
        "order_day_count": days,
        "gap_mean": gap,
        "gap_std": gap / 2,
        "gap_last": gap,
        "gap_recent": gap,
        "gap_max": gap * 3,
        **{f"order_days_last_{d}d": np.maximum(0, (d - silence) / gap).round() for d in range(7, 92, 7)},
        **{f"order_days_decayed_{d}d": d / gap * np.exp(-silence / d) for d in (7, 14, 28, 56, 112)},
        **{f"amount_decayed_{d}d": spend * d / gap * np.exp(-silence / d) for d in (28, 112)},
        "lines_decayed_28d": 5 * 28 / gap * np.exp(-silence / 28),
        "amount_mean": spend,
        "amount_last": spend,
        "category_count": 4.0,
        "product_count": 9.0,
        "profile_known": 0.0,
    }
    for name, value in values.items():
        x[:, c[name]] = value
    return x


def customer_blocks(vector: Array, random: np.random.Generator, as_of: datetime) -> dict[str, Block]:
    """The three packed values of one customer."""
    c = {name: i for i, name in enumerate(CATEGORY.columns)}
    silence = vector[CUSTOMER.columns.index("days_since_last_order")]
    owned = np.sort(random.choice(len(CATEGORIES), 4, replace=False))
    rows = np.full((4, len(CATEGORY.columns)), np.nan)
    gap = random.uniform(3, 60, 4)
    recency = silence + random.uniform(0, 60, 4)
    for name, value in {
        "days_since_first_purchase": 360.0,
        "days_since_last_purchase": recency,
        "purchase_count": (360 / gap).round(),
        "gap_mean": gap,
        "gap_std": gap / 3,
        "gap_last": gap,
        "gap_recent": gap,
        "quantity_recent": random.uniform(0.5, 3, 4),
        "category_gap_mean": 20.0,
        **{f"purchases_last_{d}d": np.maximum(0, (d - recency) / gap).round() for d in range(7, 92, 7)},
        **{f"purchases_decayed_{d}d": d / gap * np.exp(-recency / d) for d in (7, 14, 28, 56, 112)},
    }.items():
        rows[:, c[name]] = value
    bought = random.choice(len(PRODUCTS), 8, replace=False)
    recent = np.column_stack([random.integers(1, 9, 8), np.sort(random.uniform(silence, silence + 100, 8))])
    return {
        "vector": Block(CUSTOMER.hash, as_of, ("",), vector[None, :]),
        "categories": Block(CATEGORY.hash, as_of, tuple(CATEGORIES[i] for i in owned), rows),
        "recent": Block(RECENT.hash, as_of, ("", *(PRODUCTS[i] for i in bought)), np.vstack([[20.0, 0.0], recent])),
    }


def products(vectors: Array, as_of: datetime) -> Products:
    """Forty products, one of them out of stock and one inactive; one campaign that runs, one that ended, one to come."""
    category = {p: CATEGORIES[i // 5] for i, p in enumerate(PRODUCTS)}
    listed = tuple(
        Product(
            product_id=p,
            category=category[p],
            name=f"{category[p]} {p}",
            price=2.0 + i / 4,
            margin_rate=0.3,
            stock=0 if p == OUT_OF_STOCK else None,
            active=p != INACTIVE,
        )
        for i, p in enumerate(PRODUCTS)
    )
    day = timedelta(days=1)
    dates = {RUNNING: (-day, 9 * day), ENDED: (-30 * day, -day), FUTURE: (5 * day, 30 * day)}
    coupons = tuple(
        Coupon(
            offer_id=name,
            label=f"Campaign {name}",
            starts_at=as_of + starts,
            ends_at=as_of + ends,
            product_ids=PRODUCTS[:20],
            redemption_rate=0.4,
            redemption_base=100,
        )
        for name, (starts, ends) in dates.items()
    )
    spend = vectors[:, CUSTOMER.columns.index("amount_decayed_112d")]
    return Products(
        as_of=as_of,
        products=listed,
        unit="category",
        popular_in_category={name: tuple(p for p in PRODUCTS if category[p] == name) for name in CATEGORIES},
        coupons=coupons,
        mailed=dict.fromkeys(dates, CUSTOMERS[:40]),
        spend_percentiles=tuple(np.quantile(spend, np.linspace(0, 1, 101)).tolist()),
    )


def write_hazard(folder: Path, seed: int) -> Path:
    """A return hazard that learned from simulated weeks: the chance of an order falls with the silence in gaps."""
    random = np.random.default_rng(seed)
    path = HazardPath(CUSTOMER)
    stored = np.repeat(customer_vectors(random), 10, axis=0)
    rows = np.vstack([path.at(stored, lead) for lead in (0, 1, 3, 6)])
    silence = rows[:, path.inputs.index("recency_per_gap")]
    gap = rows[:, path.inputs.index("gap_mean")]
    label = random.random(len(rows)) < (1 - np.exp(-7 / gap)) * np.exp(-0.25 * np.minimum(silence, 20))
    booster = grow(rows, label, path.inputs)
    people = customer_vectors(np.random.default_rng(seed))
    header = HazardHeader(
        calibration=LogitMap(),
        tail=ParetoNbd(r=0.5, alpha=10.0, s=0.6, beta=30.0),
        longest_silence=240.0,
        reference=[None if np.isnan(v) else float(v) for v in np.median(people, axis=0)],
        churn_quantiles={},
    )
    churn = ReturnHazard(booster, header).survival(people, np.array(HORIZONS, dtype=np.float64))
    quantiles = {h: np.quantile(churn[:, i], np.linspace(0, 1, 101)).tolist() for i, h in enumerate(HORIZONS)}
    model = ReturnHazard(booster, header.model_copy(update={"churn_quantiles": quantiles}))
    model.save(folder, manifest("return_hazard", CUSTOMER.hash))
    return folder


def write_value(folder: Path, seed: int) -> Path:
    """A value model of the same customers."""
    save_value(folder, customer_vectors(np.random.default_rng(seed)), manifest("value", CUSTOMER.hash))
    return folder


def write_repurchase(folder: Path, seed: int) -> Path:
    """A repurchase hazard that learned from simulated weeks: short gaps are bought sooner."""
    random = np.random.default_rng(seed)
    bought = [place for place, name in enumerate(TREE_INPUTS) if "look" not in name]
    rows = np.zeros((4000, len(TREE_INPUTS)))  # nobody looked at anything
    rows[:, bought] = random.uniform(0, 60, (4000, len(bought)))
    label = random.random(4000) < 1 - np.exp(-7 / np.maximum(rows[:, TREE_INPUTS.index("gap_mean")], 1))
    header = RepurchaseHeader(calibration=LogitMap(), max_lead=12)
    RepurchaseModel(grow(rows, label, TREE_INPUTS), header).save(folder, manifest("repurchase", FEATURE_SET_HASH))
    return folder


def write_items(folder: Path, seed: int) -> Path:
    """Item factors at random, maps with plausible signs."""
    random = np.random.default_rng(seed)
    n = len(PRODUCTS)
    settings = ItemSettings(
        regularization=1.0,
        alpha=3.0,
        half_life_days=45.0,
        exponent=0.5,
        explore=_map(EXPLORE_INPUTS, (0.5, 0.2, 0.3, 0.1), -3.0),
        repeat=_map(REPEAT_INPUTS, (0.3, 0.1, 0.1, 0.0, 0.8, -0.2, -0.3), -0.5),
        anybody=_map(ANYBODY_INPUTS, (0.4, 0.4), -4.0),
    )
    factors = np.abs(random.normal(size=(n, 6))).astype(np.float32)
    buyers, recent = random.integers(10, 90, n, dtype=np.int32), random.integers(1, 10, n, dtype=np.int32)
    ItemModel(np.array(PRODUCTS), factors, buyers, recent, settings).save(folder, manifest("items"))
    return folder


def write_bundles(folder: Path, seed: int) -> Path:
    """Nineteen sets of two or three products; some hold what may not be offered."""
    random = np.random.default_rng(seed)
    members = np.array([[2 * i, 2 * i + 1, (2 * i + 11) % 40 if i % 3 == 0 else -1, -1] for i in range(19)])
    n = len(members)
    table = BundleTable(
        bundle_ids=np.array([f"set-{i:02d}" for i in range(n)]),
        product_ids=np.array(PRODUCTS),
        members=members,
        item_rates=random.uniform(0.01, 0.2, len(PRODUCTS)).astype(np.float32),
        support=random.integers(10, 99, n),
        lift=random.uniform(1.2, 6, n).astype(np.float32),
        buyers=random.integers(5, 50, n, dtype=np.int32),
        recent_buyers=random.integers(1, 10, n, dtype=np.int32),
    )
    settings = BundleSettings(
        regularization=1.0,
        alpha=3.0,
        half_life_days=45.0,
        exponent=0.5,
        item_weight=0.4,
        partial=_map(PARTIAL_INPUTS, (0.4, 0.1, 0.1, 0.1, 0.2, 1.0), -1.0),
        complete=_map(COMPLETE_INPUTS, (0.4, 0.1, 0.1, 0.1, 0.2, 0.5, -0.2), -0.5),
        anybody=_map(BUNDLE_ANYBODY, (0.4, 0.4), -3.0),
    )
    factors = np.abs(random.normal(size=(n + len(PRODUCTS), 6))).astype(np.float32)
    BundleModel(table, factors, settings).save(folder, manifest("bundles"))
    return folder


def manifest(name: str, feature_set_hash: str = "") -> Manifest:
    """A manifest of a tiny model."""
    return Manifest(
        name=name, kind=name, feature_set_hash=feature_set_hash, data_from=AS_OF - timedelta(days=365), data_until=AS_OF, input_hash="small"
    )


def _map(inputs: tuple[str, ...], coefficients: tuple[float, ...], intercept: float) -> LogisticMap:
    return LogisticMap(inputs=inputs, coefficients=coefficients, intercept=intercept, positives=100)


def grow(rows: Array, label: NDArray[np.bool_], names: tuple[str, ...]) -> lgb.Booster:
    """A few small trees."""
    parameters = {
        "objective": "binary",
        "num_leaves": 7,
        "min_data_in_leaf": 20,
        "seed": 1,
        "deterministic": True,
        "num_threads": 1,
        "verbose": -1,
    }
    return lgb.train(parameters, lgb.Dataset(rows, label.astype(float), feature_name=list(names)), num_boost_round=25)
