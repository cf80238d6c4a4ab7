"""Past trials as rows of randomised decisions: what was known at their moment, and what came of them.

The state is that of the last weekly snapshot before the message, so nothing after it is seen. P₀ of that moment is what today's model of
returning says of that snapshot. It may be wrong: the chance of being sent is known, so what is learned of effects does not hang on it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.decisions.state import STATE
from features.errors import StateBroken, StateMissing
from features.feature_sets import CUSTOMER
from features.offline import OfflineFeatures, open_offline
from features.schema import ORDER_LINES, PRODUCTS, TRIALS
from features.settings import FeatureSettings
from features.warehouse import Warehouse
from training import local_models
from training.artifacts.folder import ArtifactBroken
from training.artifacts.return_hazard import KIND as RETURN_HAZARD
from training.artifacts.return_hazard import ReturnHazard
from training.datasets.effect_rows import EffectRows, responses

Array = NDArray[np.float64]

_SNAPSHOT_DAYS = 7  # a state may be older than the message by one step at most
_USUAL_SHARE_OF = 2.0  # orders: until a customer's own say how many of them hold a category, the shop's do


def trial_rows(
    settings: FeatureSettings, warehouse: Warehouse, *, until: datetime, horizon_days: int, order_days: int
) -> EffectRows | None:
    """Rows of every past trial whose days are over.

    Args:
        settings: where the features and the model of returning are.
        warehouse: the history.
        until: nothing after it is seen.
        horizon_days: within which a response counts.
        order_days: horizon of `p_order` in the state.

    Returns:
        None where the shop told of no trial, or where nothing can be said of P₀ yet: there is no model of returning, or no build.
    """
    told = warehouse.read(TRIALS.name).filter(pl.col("sent_at") + pl.duration(days=horizon_days) <= until)
    model = None if told.is_empty() else _returning(settings)
    if model is None:
        return None
    try:
        offline = open_offline(settings)
        known = _with_snapshot(told, offline)
        if known.is_empty():
            return None
        moments = known.select("customer_id", "as_of").unique().sort("as_of", "customer_id")
        vectors = offline.feature_set(CUSTOMER, rows=moments)
    except (StateMissing, StateBroken):
        return None  # safe: the shop's own decisions are learned from, as before
    stored = vectors.select(CUSTOMER.columns).to_numpy().astype(np.float64)
    soon, later = (1.0 - model.survival(stored, np.array([float(days)]))[:, 0] for days in (horizon_days, order_days))
    places = vectors.select("customer_id", "as_of").with_row_index("moment")
    known = known.join(places, on=["customer_id", "as_of"], how="inner").sort("sent_at", "customer_id", "offer_id")
    return _rows(known, _states(stored, later), soon, warehouse, horizon_days)


def _returning(settings: FeatureSettings) -> ReturnHazard | None:
    champion = local_models.champion(settings.data_dir, RETURN_HAZARD)
    try:
        return None if champion is None else ReturnHazard.load(local_models.model_folder(settings.data_dir, RETURN_HAZARD, champion.ref))
    except ArtifactBroken:
        return None  # safe: as above


def _with_snapshot(told: pl.DataFrame, offline: OfflineFeatures) -> pl.DataFrame:
    """Trials with `as_of`, the customer's last snapshot before each."""
    dates = offline.keys().with_columns(seen=pl.col("as_of")).sort("as_of")
    joined = told.sort("sent_at").join_asof(
        dates,
        left_on="sent_at",
        right_on="as_of",
        by="customer_id",
        strategy="backward",
        tolerance=timedelta(days=_SNAPSHOT_DAYS),
        check_sortedness=False,  # they are sorted; polars cannot see it per group
    )
    return joined.drop("as_of", strict=False).rename({"seen": "as_of"}).drop_nulls("as_of")


def _states(stored: Array, p_order: Array) -> Array:
    place = {name: number for number, name in enumerate(CUSTOMER.columns)}
    gap = stored[:, place["gap_mean"]]
    made = {
        "silence_in_cycles": np.divide(stored[:, place["days_since_last_order"]], gap, out=np.full(len(gap), np.nan), where=gap > 0),
        "p_order": p_order,
        "value_percentile": np.full(len(gap), np.nan),  # what a customer was worth then is not told
    }
    return np.column_stack([made[name] if name in made else stored[:, place[name]] for name in STATE])


def _rows(known: pl.DataFrame, states: Array, soon: Array, warehouse: Warehouse, horizon_days: int) -> EffectRows:
    known = known.with_columns(
        decision=pl.struct("customer_id", "sent_at").rank("dense").cast(pl.Int64) - 1,
        offer=pl.col("offer_id").rank("dense").cast(pl.Int64) - 1,
    )
    known = known.sort("decision", "offer").with_row_index("row")
    first = known.unique("decision", keep="first", maintain_order=True)
    names = known["customer_id"].unique().sort()
    numbers = dict(zip(names.to_list(), range(len(names)), strict=True))
    products = warehouse.read(PRODUCTS.name).drop_nulls("product_category").group_by("product_category").agg(product_ids="product_id")
    asked = known.select("row", "customer_id", "product_category", now="sent_at").join(
        products, on="product_category", how="left", maintain_order="left"
    )
    about = known["product_category"].is_not_null().to_numpy()
    outcome = responses(asked.with_columns(pl.col("product_ids").fill_null([])), warehouse, horizon_days).to_numpy()
    nobodys = about & (asked["product_ids"].is_null().to_numpy())  # of a category without products nothing can be bought
    share = np.where(about, _shares(known, warehouse), 1.0)
    offers = known.select("offer_id", "offer_type").unique("offer_id", keep="first").sort("offer_id")
    zero = np.zeros(len(known))
    return EffectRows(
        horizon_days=horizon_days,
        offers=tuple(offers.iter_rows()),
        decision=known["decision"].to_numpy(),
        offer=known["offer"].to_numpy(),
        p0=soon[known["moment"].to_numpy()] * share,
        treated=known["sent"].cast(pl.Float64).to_numpy(),
        chance=known["chance"].to_numpy(),
        outcome=outcome,
        any_order=~about,
        margin=zero,  # the trials do not say what a response was worth; no money is judged by them
        discount=zero,
        cost=zero,
        state=states[first["moment"].to_numpy()],
        customer=np.array([numbers[name] for name in first["customer_id"]], dtype=np.int64),
        at=first["sent_at"].to_physical().to_numpy(),
        names=tuple(names),
    ).where(~nobodys)


def _shares(known: pl.DataFrame, warehouse: Warehouse) -> Array:
    """Share of a customer's orders before the message that held the category; of the first few, drawn to the shop's own share."""
    lines = warehouse.read(ORDER_LINES.name).drop_nulls("customer_id").select("customer_id", "order_id", "product_id", "ordered_at")
    lines = lines.join(warehouse.read(PRODUCTS.name).select("product_id", "product_category"), on="product_id")
    orders = lines.select("customer_id", "order_id", "ordered_at").unique("order_id")
    held = lines.drop_nulls("product_category").unique(["order_id", "product_category"])
    usual = held.group_by("product_category").len().select("product_category", usual=pl.col("len") / max(orders.height, 1))
    asked = known.filter(pl.col("product_category").is_not_null()).select("row", "customer_id", "product_category", "sent_at")

    def before(frame: pl.DataFrame, on: list[str], name: str) -> pl.DataFrame:
        met = asked.join(frame, on=on).filter(pl.col("ordered_at") < pl.col("sent_at"))
        return met.group_by("row").agg(pl.len().alias(name))

    counted = asked.join(before(orders, ["customer_id"], "orders"), on="row", how="left")
    counted = counted.join(before(held, ["customer_id", "product_category"], "held"), on="row", how="left")
    counted = counted.join(usual, on="product_category", how="left").fill_null(0)
    shares = counted.select("row", share=(pl.col("held") + _USUAL_SHARE_OF * pl.col("usual")) / (pl.col("orders") + _USUAL_SHARE_OF))
    found = known.select("row").join(shares, on="row", how="left", maintain_order="left")["share"].fill_null(1.0)
    return np.asarray(found.to_numpy(), np.float64)
