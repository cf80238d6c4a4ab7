"""Offers against silence, by lot: for every decision and every offer it considered, whether the offer or nothing was given first.

A row stands where either was given. Within such rows, the offer was given with the known chance `e = π(o) / (π(o) + π(no_action))`, π of
the whole design, assignment to the holdouts counted in: `(1 − u − c)·π of the policy + u·[no_action] + c / number considered`, u and c the
shares of the universal holdout and of the model control. So whatever else differs between rows, the draw does not depend on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.decisions.record import NO_ACTION
from features.decisions.state import STATE
from features.schema import CUSTOMERS, ORDER_LINES, ORDERS
from features.warehouse import Warehouse

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
_DAY = 86_400e6  # microseconds


@dataclass(frozen=True)
class EffectRows:
    """Rows of one span of days, decision by decision.

    Attributes:
        horizon_days: within which a response counts: `DecisionPolicy.learned_days`.
        offers: id and type of every offer in the rows; the arrays name it by its place.
        decision: (n,) number of the decision, never falling.
        offer: (n,) place in `offers`.
        p0: (n,) P(responds within these days without contact) as it was believed.
        treated: (n,) 1 where the offer was given first, 0 where nothing was.
        chance: (n,) e, strictly between 0 and 1.
        outcome: (n,) 1 where the response came within the horizon.
        any_order: (n,) whether any order was the response: rows of one decision then share their outcome.
        margin, discount, cost: (n,) money of one response, given away by one, and of sending, as they were believed.
        state: (decisions, len(STATE)).
        customer: (decisions,) number of the customer.
        at: (decisions,) when, microseconds since 1970.
        names: customers by their number; they never leave this table.
    """

    horizon_days: int
    offers: tuple[tuple[str, str], ...]
    decision: Codes
    offer: Codes
    p0: Array
    treated: Array
    chance: Array
    outcome: Array
    any_order: NDArray[np.bool_]
    margin: Array
    discount: Array
    cost: Array
    state: Array
    customer: Codes
    at: Codes
    names: tuple[str, ...]

    @property
    def decisions(self) -> int:
        """Decisions that have a row."""
        return len(np.unique(self.decision))

    @property
    def silent(self) -> int:
        """Decisions of them in which nothing was given."""
        return len(np.unique(self.decision[self.treated == 0]))

    def where(self, mask: NDArray[np.bool_]) -> EffectRows:
        """Some of the rows; offers, decisions and customers keep their numbers."""
        parts = {
            name: getattr(self, name)[mask]
            for name in ("decision", "offer", "p0", "treated", "chance", "outcome", "any_order", "margin", "discount", "cost")
        }
        kept = {name: getattr(self, name) for name in ("horizon_days", "offers", "state", "customer", "at", "names")}
        return EffectRows(**parts, **kept)

    def beside(self, other: EffectRows) -> EffectRows:
        """Both together: offers and customers of one name are one.

        Args:
            other: of the same number of days; its decisions come first.
        """
        offers = tuple(dict(other.offers + self.offers).items())
        place, names = {offer: number for number, (offer, _) in enumerate(offers)}, sorted({*self.names, *other.names})
        number = {name: place for place, name in enumerate(names)}

        def both(name: str) -> Array:
            return np.concatenate([getattr(other, name), getattr(self, name)])

        def renumbered(codes: Codes, known: list[int]) -> Codes:
            return np.array(known, dtype=np.int64)[codes] if len(codes) else codes

        parts = {
            name: both(name) for name in ("p0", "treated", "chance", "outcome", "any_order", "margin", "discount", "cost", "state", "at")
        }
        pair = (other, self)
        return EffectRows(
            horizon_days=self.horizon_days,
            offers=offers,
            decision=np.concatenate([other.decision, self.decision + len(other.state)]),
            offer=np.concatenate([renumbered(one.offer, [place[offer] for offer, _ in one.offers]) for one in pair]),
            customer=np.concatenate([renumbered(one.customer, [number[name] for name in one.names]) for one in pair]),
            names=tuple(names),
            **parts,  # type: ignore[arg-type]
        )


def effect_rows(log: pl.DataFrame, warehouse: Warehouse, *, until: datetime, horizon_days: int) -> EffectRows:
    """Build the rows of decisions whose days are over.

    Args:
        log: from `training.datasets.decision_log`.
        warehouse: the history; whoever is not in it (any more) has no outcome, and no row.
        until: nothing after it is seen.
        horizon_days: decisions whose effects were to be learned within other days are left out.
    """
    over = pl.col("now") + pl.duration(days=horizon_days) <= until
    people = pl.concat([warehouse.read(name)["customer_id"] for name in (CUSTOMERS.name, ORDERS.name)]).drop_nulls().unique()
    kept = log.filter(over & (pl.col("learned_days") == horizon_days) & pl.col("customer_id").is_in(people.implode()))
    kept = kept.with_row_index("decision")
    drawn = _drawn(kept)
    drawn = drawn.with_columns(outcome=responses(drawn, warehouse, horizon_days))
    offers = drawn.select("offer_id", "type").unique("offer_id", keep="first", maintain_order=True).sort("offer_id")
    place = offers.select("offer_id").with_row_index("offer")
    drawn = drawn.join(place, on="offer_id", how="left").sort("decision", "offer", maintain_order=True)
    names = kept["customer_id"].unique().sort()
    numbers = dict(zip(names.to_list(), range(len(names)), strict=True))

    def column(name: str) -> Array:
        return drawn[name].cast(pl.Float64).fill_null(0.0).to_numpy()

    return EffectRows(
        horizon_days=horizon_days,
        offers=tuple(offers.iter_rows()),
        decision=drawn["decision"].cast(pl.Int64).to_numpy(),
        offer=drawn["offer"].cast(pl.Int64).to_numpy(),
        p0=column("p0_soon"),
        treated=column("treated"),
        chance=column("chance"),
        outcome=column("outcome"),
        any_order=(drawn["product_ids"].list.len() == 0).to_numpy(),
        margin=column("margin"),
        discount=column("discount"),
        cost=column("contact_cost") + column("fatigue"),
        state=kept["state"].struct.unnest().select(STATE).fill_null(np.nan).to_numpy().reshape(len(kept), len(STATE)),
        customer=np.array([numbers[name] for name in kept["customer_id"]], dtype=np.int64),
        at=kept["now"].to_physical().to_numpy(),
        names=tuple(names),
    )


def _drawn(kept: pl.DataFrame) -> pl.DataFrame:
    """One row for each offer that was given first, or that was considered where nothing was given first."""
    nothing = pl.col("type") == NO_ACTION
    one = kept.select("decision", "customer_id", "now", "universal", "model_control", "considered").explode("considered")
    one = one.unnest("considered").unnest("factors")
    design = (
        (1.0 - pl.col("universal") - pl.col("model_control")) * pl.col("policy_propensity")
        + pl.col("universal") * nothing.cast(pl.Float64)
        + pl.col("model_control") / pl.len().over("decision")
    )
    first = pl.col("slot").fill_null(0) == 1
    one = one.with_columns(pi=design, first=first).with_columns(
        silence=pl.col("pi").filter(nothing).sum().over("decision"),
        silent=(first & nothing).any().over("decision"),
        product_ids=pl.col("product_ids").fill_null([]),
    )
    one = one.filter(~nothing & pl.col("p0_soon").is_not_null() & (pl.col("first") | pl.col("silent")))
    one = one.with_columns(chance=pl.col("pi") / (pl.col("pi") + pl.col("silence")), treated=pl.col("first"))
    return one.filter((pl.col("chance") > 0) & (pl.col("chance") < 1)).with_row_index("row")


def responses(drawn: pl.DataFrame, warehouse: Warehouse, horizon_days: int) -> pl.Series:
    """Whether the response came: an order of one of the products, of anything where none is named, within the horizon.

    Args:
        drawn: `row`, `customer_id`, `now`, `product_ids`.
        warehouse: the history.
        horizon_days: after `now`.

    Returns:
        1 or 0 of each row, in their order.
    """
    orders = warehouse.read(ORDERS.name).select("customer_id", "ordered_at").drop_nulls().sort("ordered_at")
    lines = warehouse.read(ORDER_LINES.name).select("customer_id", "product_id", "ordered_at").drop_nulls().sort("ordered_at")
    asked = drawn.select("row", "customer_id", "now", "product_ids").sort("now")
    anything = asked.filter(pl.col("product_ids").list.len() == 0).drop("product_ids")
    something = asked.filter(pl.col("product_ids").list.len() > 0).explode("product_ids").rename({"product_ids": "product_id"})
    found = [_next(anything, orders, ["customer_id"], horizon_days), _next(something, lines, ["customer_id", "product_id"], horizon_days)]
    came = pl.concat(found).group_by("row").agg(pl.col("came").any())
    return drawn.select("row").join(came, on="row", how="left", maintain_order="left")["came"].fill_null(False).cast(pl.Float64)


def _next(asked: pl.DataFrame, bought: pl.DataFrame, by: list[str], horizon_days: int) -> pl.DataFrame:
    after = bought.with_columns(pl.col("ordered_at").cast(pl.Datetime("us", "UTC"))).sort("ordered_at")
    joined = asked.sort("now").join_asof(
        after,
        left_on="now",
        right_on="ordered_at",
        by=by,
        strategy="forward",
        allow_exact_matches=False,
        check_sortedness=False,  # they are sorted; polars cannot see it per group
    )
    came = (pl.col("ordered_at") - pl.col("now") <= pl.duration(days=horizon_days)).fill_null(False)
    return joined.select("row", came=came)
