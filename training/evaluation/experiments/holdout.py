"""What the policy as a whole is worth: everybody it decides on, against those whom it gives nothing, and those to whom it deals at random.

The groups were dealt by a hash before anything was decided, so that they differ in nothing else. Everybody ever decided on counts, whatever
was then sent (intention to treat), from the first decision on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from features.decisions.experiment import Metric, Outcome
from features.decisions.policy import Holdouts
from features.decisions.record import Holdout
from features.decisions.sample_ratio import SampleRatio, sample_ratio
from features.ledger import identities
from features.ledger.decisions import whole_records
from training.evaluation.experiments.effect import Effect, effect
from training.evaluation.experiments.outcomes import History, Met
from training.evaluation.experiments.sequential import LEAST

GROUPS = ("policy", Holdout.UNIVERSAL.value, Holdout.MODEL_CONTROL.value)
# Customers at which the intervals are narrowest; fixed, since a size that follows the data would not be always valid.
_PLANNED = 20_000
OUTCOMES = (Outcome.MARGIN, Outcome.CONVERSION, Outcome.UNSUBSCRIBED)


@dataclass(frozen=True)
class Decided:
    """Everybody decided on.

    Attributes:
        met: each customer once, from the first decision on.
        shares: universal and model control, as planned at the newest decision.
        moved: customers left out, since their group changed: the shares or the salt did.
    """

    met: tuple[Met, ...]
    shares: tuple[float, float]
    moved: int


@dataclass(frozen=True)
class Lift:
    """The policy's group against one other; `effect.difference` is what the policy adds per customer.

    Attributes:
        against: universal or model_control.
        outcome: what is compared.
        effect: always valid at 1 − alpha; None where nothing may be read.
    """

    against: str
    outcome: Outcome
    effect: Effect | None


@dataclass(frozen=True)
class HoldoutReading:
    """The whole; `ratio.mismatch` locks every lift."""

    ratio: SampleRatio
    moved: int
    within_days: int
    lifts: tuple[Lift, ...]


def decided_on(connection: Connection, *, until: datetime) -> Decided:
    """Who was decided on, from the records of decisions; those without a record or a customer are left out.

    Args:
        connection: any of the ledger.
        until: the clock, UTC; later decisions are not read.
    """
    owner = identities.standing(connection)
    first: dict[str, tuple[datetime, int]] = {}
    moved: set[str] = set()
    newest, shares = None, (0.0, 0.0)
    for recorded_as, body in (one for page in whole_records(connection, at_once=1000) for one in page):
        told = json.loads(body)  # not read as a whole: there may be millions; what a record leaves out is its default
        at = datetime.fromisoformat(told["now"])
        if at > until:
            continue
        if newest is None or at >= newest:
            held = Holdouts.model_validate(told["policy"].get("holdouts", {}))
            newest, shares = at, (held.universal, held.model_control)
        customer_id, group = owner.get(recorded_as, recorded_as), GROUPS.index(told.get("holdout") or "policy")
        before = first.get(customer_id)
        if before is not None and before[1] != group:
            moved.add(customer_id)
        if before is None or at < before[0]:
            first[customer_id] = (at, group)
    met = tuple(Met(customer_id, group, at) for customer_id, (at, group) in first.items() if customer_id not in moved)
    return Decided(met, shares, len(moved))


def read_holdout(decided: Decided, facts: History, *, within_days: int, now: datetime, alpha: float = 0.05) -> HoldoutReading:
    """Compare the policy's group with both holdouts; the intervals hold however often they are looked at.

    Args:
        decided: everybody.
        facts: what became of them.
        within_days: counted from each customer's first decision; who has not had that long yet is left out.
        now: the clock, UTC.
        alpha: chance that an interval ever misses the truth, each.
    """
    ratio = sample_ratio(counts(decided.met), weights(decided.shares))
    lifts: list[Lift] = []
    for outcome in OUTCOMES:
        group, sample = facts.measured(decided.met, Metric(outcome=outcome, within_days=within_days), now=now)
        treated = sample.of(group == 0)
        for number, against in enumerate(GROUPS[1:], start=1):
            control = sample.of(group == number)
            enough = min(len(control), len(treated)) >= LEAST and not ratio.mismatch
            found = effect(control, treated, alpha=alpha, planned=_PLANNED) if enough else None
            lifts.append(Lift(against, outcome, found))
    return HoldoutReading(ratio, decided.moved, within_days, tuple(lifts))


def counts(met: Sequence[Met]) -> Mapping[str, int]:
    """Group → customers."""
    return {name: sum(one.group == number for one in met) for number, name in enumerate(GROUPS)}


def weights(shares: tuple[float, float]) -> Mapping[str, float]:
    """Group → share as planned; a holdout that is switched off is no group."""
    told = dict(zip(GROUPS, (1 - sum(shares), *shares), strict=True))
    return {name: share for name, share in told.items() if share > 0}
