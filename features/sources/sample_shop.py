"""The sample shop in miniature → the shop's schema: a made-up shop grown from a seed, small enough for every test and a first taste.

It is there to show how huitou works and to hold every awkward thing a real history holds: customers without a profile, one without any row
in the customers table, one with a Chinese id whose orders stand exactly on and one microsecond beside the weekly as-of dates (`EDGE`),
orders without a customer or a store, two orders of one moment, a product nobody listed, one that was delisted, a category that is no
merchandise, refunds. **Its figures prove nothing about quality**: the rhythm the models find was put there, and its customers answer to no
message with an order (whom messages drive out of the channel: `features.sources.sample_relations`). Only real data can speak for a model.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from features.assumptions import install_assumptions
from features.errors import SourceUnreadable, StateBroken, StateMissing
from features.import_consent import ImportConsent
from features.schema import COUNT, REAL, TABLES, TEXT, TIME, Table
from features.settings import FeatureSettings
from features.sources.sample_catalogue import UNKNOWN_PRODUCT, product_id, sample_products
from features.sources.sample_lives import EDGE, IDLE, START, TICK, WEEK, Order, drawn_orders, special_orders
from features.sources.sample_relations import relations
from features.versions import matches
from features.warehouse import Warehouse, current_warehouse, open_warehouse, write_warehouse

ASSUMPTIONS = Path(__file__).parent / "sample_assumptions.toml"
SOURCE = "sample"
CUSTOMERS, WEEKS, SEED = 300, 52, 7  # the usual size: every model can be trained on it within seconds
_NOTE_FORMAT = 3  # raise when the same numbers make another shop, so that an older one is imported again
_LINE: dict[str, pl.DataType | type[pl.DataType]] = {  # what says whose line it is, then the fields of `Line`
    **{"order_id": TEXT, "line_number": COUNT, "customer_id": TEXT, "ordered_at": TIME},
    **{"product_id": TEXT, "quantity": REAL, "amount": REAL, "discount": REAL, "coupon": REAL},
}

Tables = dict[str, pl.DataFrame]


def import_sample(
    settings: FeatureSettings,
    *,
    customers: int = CUSTOMERS,
    weeks: int = WEEKS,
    seed: int = SEED,
    force: bool = False,
    consent: ImportConsent = ImportConsent.UNKNOWN,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Warehouse, bool]:
    """Grow the sample shop and import it into the warehouse.

    Args:
        settings: says where the warehouse is.
        customers: as in `sample_tables`.
        weeks: the same.
        seed: the same.
        force: import even when the same shop was imported before.
        consent: what is stated of the customers in it.
        progress: told the name of each part as it begins.

    Returns:
        The warehouse and whether anything was imported (False: the same shop was there).

    Raises:
        SourceUnreadable: the folder holds the history of a real shop, which a made-up one must not displace.
    """
    _refuse_real_history(settings)
    install_assumptions(ASSUMPTIONS, settings.data_dir)
    inputs = {"source": SOURCE, "format": _NOTE_FORMAT, "customers": customers, "weeks": weeks, "seed": seed}
    if not force and matches(settings.imported_dir, inputs):
        return current_warehouse(settings, consent=consent), False
    progress("growing the shop")
    tables = sample_tables(customers=customers, weeks=weeks, seed=seed)
    counts = {name: tables[name].height for name in ("orders", "order_lines", "refunds", "contacts", "redemptions", "activities")}
    progress("writing")
    report = {"source": SOURCE, "counts": {name.replace("_", " "): count for name, count in counts.items()}}
    return write_warehouse(settings, tables, report, inputs, consent=consent), True


def _refuse_real_history(settings: FeatureSettings) -> None:
    try:
        source = open_warehouse(settings).report.get("source")
    except (StateMissing, StateBroken):
        return  # safe: there is nothing to displace, or nothing that could be read
    if source != SOURCE:
        raise SourceUnreadable(f"{settings.data_dir} holds the history of {source!r}; choose another --data-dir for the sample shop.")


def sample_tables(*, customers: int = CUSTOMERS, weeks: int = WEEKS, seed: int = SEED) -> Tables:
    """The shop's tables, conforming to `features.schema`.

    Args:
        customers: customers drawn from the seed, beside the special ones.
        weeks: length of the history from Monday, 2024-01-01; the last event falls into the last week.
        seed: of everything random.
    """
    rng = np.random.default_rng(seed)
    drawn = drawn_orders(rng, customers, weeks)
    orders = [*drawn, *special_orders(rng, weeks)]
    lines = _lines(orders)
    contacts, redemptions = _campaign_events(rng, drawn, customers, weeks)
    # A chance of its own: the orders are the same with and without what is said between them.
    messages, interactions, activities = relations(np.random.default_rng([seed, 1]), orders, weeks)
    tables: dict[str, pl.DataFrame | list[dict[str, Any]]] = {
        "customers": [
            *(_profile(rng, f"c{i:03d}") | _contact_facts(i) for i in range(customers)),
            {"customer_id": EDGE},
            {"customer_id": IDLE},
        ],
        "products": sample_products(),
        "orders": _orders(orders, lines),
        "order_lines": lines,
        "contacts": [*contacts, *messages],
        "interactions": interactions,
        "activities": activities,
        "offers": campaigns(weeks),
        "offer_items": [
            {"offer_id": f"o{k}", "coupon_id": f"o{k}-coupon", "product_id": product} for k in range(4) for product in _coupon_products(k)
        ],
        "redemptions": redemptions,
        "refunds": _refunds(rng, lines),
    }
    return {t.name: t.conform(_whole(t, tables.get(t.name, []))) for t in TABLES}


def campaigns(weeks: int) -> list[dict[str, Any]]:
    """Four campaigns of five weeks: the last still runs when the history ends; the third ends on an as-of date."""
    starts = [weeks // 5, weeks // 3, weeks // 2, weeks - 3]
    ends = [START + WEEK * (s + 5) - TICK for s in starts]
    ends[2] = START + WEEK * (starts[2] + 5)
    return [
        {"offer_id": f"o{k}", "type": "coupon", "label": f"Campaign {k}", "starts_at": START + WEEK * s, "ends_at": e}
        for k, (s, e) in enumerate(zip(starts, ends, strict=True))
    ]


def _coupon_products(campaign: int) -> list[str]:
    return [product_id(shelf, place) for shelf in (campaign, campaign + 4) for place in range(3)]


def _whole(table: Table, rows: pl.DataFrame | list[dict[str, Any]]) -> pl.DataFrame:
    """All of the table's columns; null where the shop says nothing."""
    if isinstance(rows, pl.DataFrame):
        return rows.with_columns(pl.lit(None, dtype=t).alias(c) for c, t in table.columns.items() if c not in rows.columns)
    return pl.DataFrame(rows, schema=table.columns, infer_schema_length=None)


def _lines(orders: list[Order]) -> pl.DataFrame:
    rows = [
        (f"{number:05d}", row, order.customer_id, order.at, *line)
        for number, order in enumerate(orders)
        for row, line in enumerate(order.lines)
    ]
    return pl.DataFrame(rows, schema=_LINE, orient="row")


def _orders(orders: list[Order], lines: pl.DataFrame) -> pl.DataFrame:
    heads = pl.DataFrame(
        [(f"{number:05d}", order.customer_id, order.at, order.store_id) for number, order in enumerate(orders)],
        schema={"order_id": TEXT, "customer_id": TEXT, "ordered_at": TIME, "store_id": TEXT},
        orient="row",
    )
    sums = lines.group_by("order_id", maintain_order=True).agg(
        pl.col("amount", "discount", "quantity").sum(), pl.col("coupon").sum().alias("coupon_discount"), pl.len().alias("line_count")
    )
    return heads.join(sums, on="order_id", maintain_order="left")


def _refunds(rng: np.random.Generator, lines: pl.DataFrame) -> pl.DataFrame:
    """One line in fifty is given back whole within a fortnight; nothing after the last event is known."""
    known = lines.filter(pl.col("customer_id").is_not_null() & (pl.col("product_id") != UNKNOWN_PRODUCT))
    back = known.filter(pl.Series(rng.random(known.height) < 0.02))
    back = back.with_columns(hours=pl.Series(rng.integers(24, 14 * 24, back.height), dtype=pl.Int64))
    back = back.with_columns(refunded_at=pl.col("ordered_at") + pl.duration(hours="hours"))
    return (
        back.filter(pl.col("refunded_at") < lines["ordered_at"].max())
        .with_row_index("row")
        .select(
            pl.format("R{}", pl.col("row").cast(pl.String).str.zfill(5)).alias("refund_id"),
            pl.lit(0).alias("line_number"),
            *("customer_id", "refunded_at", "product_id", "quantity", "amount", "order_id"),
            pl.col("line_number").alias("order_line_number"),
        )
    )


def _profile(rng: np.random.Generator, customer_id: str) -> dict[str, Any]:
    if rng.random() < 0.4:
        return {"customer_id": customer_id}
    return {
        "customer_id": customer_id,
        "age_band": rng.choice(["19-24", "45-54", "65+"]),
        "income_band": rng.choice(["Under 15K", "35-49K", "250K+"]),
        "home_ownership": rng.choice(["Homeowner", "Renter", "Unknown"]),
        "marital_status": rng.choice(["Married", "Unmarried", "Unknown"]),
        "household_size": rng.choice(["1", "2", "5+"]),
        "household_composition": "1 Adult",
        "children": rng.choice(["1", "3+", "None/Unknown"]),
    }


def _contact_facts(place: int) -> dict[str, Any]:
    """Birthday, clock and language of two customers in three; by their place, so that what is drawn for the others stays as it was."""
    if place % 3 == 0:
        return {}
    month, day = place % 12 + 1, place * 5 % 28 + 1
    birthday = f"--{month:02d}-{day:02d}" if place % 5 == 0 else f"{1950 + place * 7 % 50}-{month:02d}-{day:02d}"
    timezone, locale = ("Asia/Shanghai", "zh-CN") if place % 2 else ("Europe/Berlin", "de-DE")
    return {"birthday": birthday, "timezone": timezone, "locale": locale}


def _campaign_events(
    rng: np.random.Generator, orders: list[Order], customers: int, weeks: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Mailings to customers drawn by lot, and coupons redeemed with orders that would have come anyway."""
    contacts: list[dict[str, Any]] = [
        {"contact_id": "plain", "customer_id": "c000", "offer_id": None, "channel": "sms", "sent_at": START + WEEK * 2}
    ]
    redemptions: list[dict[str, Any]] = []
    for k, campaign in enumerate(campaigns(weeks)):
        mailed = {f"c{i:03d}" for i in np.flatnonzero(rng.random(customers) < 0.4)}
        contacts.extend(
            {
                "contact_id": f"o{k}-{customer}",
                "customer_id": customer,
                "offer_id": campaign["offer_id"],
                "channel": "email" if rng.random() < 0.7 else "mail",
                "sent_at": campaign["starts_at"],
            }
            for customer in sorted(mailed)
        )
        products = set(_coupon_products(k))
        for order in orders:
            runs = campaign["starts_at"] <= order.at < campaign["ends_at"]
            if runs and order.customer_id in mailed and products & {line.product_id for line in order.lines} and rng.random() < 0.6:
                who = {"customer_id": order.customer_id, "offer_id": campaign["offer_id"], "coupon_id": f"o{k}-coupon"}
                redemptions.append({"redemption_id": f"o{k}-{len(redemptions)}", "redeemed_at": order.at, **who})
    return contacts, redemptions
