"""One row per logged decision whose horizon is over: what could have been given, with which probability, what was, and what came of it.

The reward is money over the record's own horizon: what the customer's orders left, less the cost of the message. All of their orders count,
also those that no offer names: only the whole says what a decision changed. A later decision within the horizon belongs to what came of
the earlier one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import ValidationError

from features.assumptions import Assumptions
from features.decisions.record import NO_ACTION, DecisionRecord, Holdout
from features.errors import TooLittleHistory
from features.ledger import identities
from features.ledger.decisions import recorded_decisions
from features.ledger.ledger import Ledger
from features.warehouse import Warehouse
from training.datasets.decision_rewards import departures, has_within, margin_within

Array = NDArray[np.float64]
REPURCHASE_DAYS = 90.0


class HoldoutRows(StrEnum):
    """What is done with decisions on customers on whom the policy does not act."""

    DRAWN = "drawn"  # model control by what it was really drawn from; the universal holdout, which had no choice, is left out
    DESIGN = "design"  # everybody, by the probabilities of the whole design, the lot that dealt the holdouts included
    LEFT_OUT = "left_out"  # neither holdout


@dataclass(frozen=True)
class DecisionRows:
    """Decisions that can be judged, by time and id.

    Attributes:
        records: (n,) with `customer_id` as whom the history knows.
        customer: (n,) number of the customer.
        first: (n + 1,) where each decision's offers begin among all m, and where the last one's end.
        propensity: (m,) P(offer was given first).
        taken: (n,) place of the given offer among all m.
        reward: (n,) money.
        departed: (n,) 1 where the customer left a channel within the horizon.
        repurchased: (n,) 1 where they ordered within `REPURCHASE_DAYS`; NaN where these are not over.
        left_out: reason → decisions.
    """

    records: tuple[DecisionRecord, ...]
    customer: NDArray[np.int64]
    first: NDArray[np.int64]
    propensity: Array
    taken: NDArray[np.int64]
    reward: Array
    departed: Array
    repurchased: Array
    left_out: dict[str, int]

    @property
    def horizon_days(self) -> int:
        """Of every reward."""
        return self.records[0].policy.horizon_days


def logged_decisions(ledger: Ledger) -> Iterator[DecisionRecord]:
    """Every personal decision of the ledger that kept its record, under the id of the customer as whom the history knows them.

    Raises:
        LedgerAway, LedgerBroken: it cannot be read.
    """
    with ledger.database.reading() as connection:
        owner = identities.standing(connection)
        for one in (one for page in recorded_decisions(connection) for one in page):
            try:
                record = DecisionRecord.model_validate_json(one.record)
            except ValidationError:
                continue  # safe: of a version whose records are other; it cannot be judged, and its neighbours can
            yield record.model_copy(update={"customer_id": owner.get(one.recorded_as, one.recorded_as)})


def decision_rows(
    records: Iterable[DecisionRecord],
    warehouse: Warehouse,
    assumptions: Assumptions,
    now: datetime,
    *,
    holdouts: HoldoutRows = HoldoutRows.DRAWN,
    profiled: Collection[str] | None = None,
    erased: Collection[str] = (),
) -> DecisionRows:
    """Put decisions and what came of them together; nothing after a decision's horizon is looked at.

    Args:
        records: decisions, in any order.
        warehouse: the history.
        assumptions: margins.
        now: end of what was observed; decisions whose horizon ends later are left out.
        holdouts: what is done with customers on whom the policy does not act.
        profiled: who consents to profiling; of others the history holds no order, so that every offer would seem to have brought nothing.
            None: everybody in the records.
        erased: who asked to be forgotten, as far as any decision of theirs is left.

    Raises:
        TooLittleHistory: no decision can be judged.
    """
    known, left_out = _permitted(list(records), profiled, erased)
    kept, unfit = _kept(known, now, holdouts)
    left_out |= unfit
    if not kept:
        said = ", ".join(f"{count:,} {reason}" for reason, count in left_out.items()) or "none was logged"
        raise TooLittleHistory(f"No logged decision can be judged yet ({said}); serve, and come back when their horizons are over.")
    moments = pl.DataFrame(
        {"customer_id": [r.customer_id for r in kept], "now": [r.now for r in kept], "days": [r.policy.horizon_days for r in kept]},
        schema={"customer_id": pl.String, "now": pl.Datetime("us", "UTC"), "days": pl.Float64},
    )
    sizes = np.array([len(record.considered) for record in kept])
    first = np.concatenate([[0], np.cumsum(sizes)])
    place = np.array([_given(record) for record in kept])
    cost = np.array([_contact_cost(record) for record in kept])
    again = moments.with_columns(days=pl.lit(REPURCHASE_DAYS))
    orders = warehouse.read("orders").select("customer_id", at="ordered_at")
    over = (moments["now"] + timedelta(days=REPURCHASE_DAYS) <= now).to_numpy()
    return DecisionRows(
        records=tuple(kept),
        customer=np.unique(moments["customer_id"].to_numpy(), return_inverse=True)[1].astype(np.int64),
        first=first,
        propensity=np.concatenate([_propensity(record, holdouts) for record in kept]),
        taken=first[:-1] + place,
        reward=margin_within(moments, warehouse, assumptions) - cost,
        departed=has_within(moments, departures(warehouse)).astype(np.float64),
        repurchased=np.where(over, has_within(again, orders), np.nan),
        left_out=left_out,
    )


def _permitted(
    records: list[DecisionRecord], profiled: Collection[str] | None, erased: Collection[str]
) -> tuple[list[DecisionRecord], dict[str, int]]:
    """Decisions on customers of whom the history may hold something, and how many are left out for another reason."""
    gone = {id(one) for one in records if one.customer_id in erased}
    refused = {
        id(one)
        for one in records
        if profiled is not None and one.customer_id is not None and one.customer_id not in profiled and id(one) not in gone
    }
    told = {"of customers who were erased": len(gone), "of customers who withdrew their consent or never gave it": len(refused)}
    return [one for one in records if id(one) not in gone | refused], {reason: count for reason, count in told.items() if count}


def _kept(records: Sequence[DecisionRecord], now: datetime, holdouts: HoldoutRows) -> tuple[list[DecisionRecord], dict[str, int]]:
    """Decisions that can be judged, by time; all over one horizon, the commonest."""
    reasons = Counter[str]()
    matured = []
    for record in sorted(records, key=lambda one: (one.now, one.decision_id)):
        reason = _reason_against(record, now, holdouts)
        if reason:
            reasons[reason] += 1
        else:
            matured.append(record)
    horizons = Counter(record.policy.horizon_days for record in matured)
    common = max(horizons, key=lambda days: (horizons[days], days), default=0)
    if len(horizons) > 1:
        reasons[f"over another horizon than {common} days"] = len(matured) - horizons[common]
    return [record for record in matured if record.policy.horizon_days == common], dict(reasons)


def _reason_against(record: DecisionRecord, now: datetime, holdouts: HoldoutRows) -> str:
    if record.customer_id is None:
        return "for nobody in particular"
    if record.now + timedelta(days=record.policy.horizon_days) > now:
        return "whose horizon is not over"
    if record.holdout is Holdout.UNIVERSAL and holdouts is not HoldoutRows.DESIGN:
        return "in the universal holdout"
    if record.holdout is not None and holdouts is HoldoutRows.LEFT_OUT:
        return "in the model control"
    return "" if record.given else "without a given offer"


def _given(record: DecisionRecord) -> int:
    """Place of what was given first."""
    return min((one.slot, at) for at, one in enumerate(record.considered) if one.slot is not None)[1]


def _contact_cost(record: DecisionRecord) -> float:
    given = record.given[0]
    return 0.0 if given.type == NO_ACTION else given.factors.contact_cost


def _propensity(record: DecisionRecord, holdouts: HoldoutRows) -> Array:
    if holdouts is not HoldoutRows.DESIGN:
        return np.array([one.propensity for one in record.considered])
    universal, control = record.policy.holdouts.universal, record.policy.holdouts.model_control
    policy = np.array([one.policy_propensity for one in record.considered])
    silent = np.array([one.type == NO_ACTION for one in record.considered], dtype=np.float64)
    return np.asarray((1.0 - universal - control) * policy + universal * silent + control / len(policy))
