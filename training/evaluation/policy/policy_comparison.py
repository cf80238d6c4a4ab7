"""Candidate policies beside the one that decided, as a table that is printed, kept and judged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

import numpy as np
from pydantic import BaseModel, ConfigDict

from training.datasets.decision_rows import DecisionRows, HoldoutRows
from training.evaluation.policy.bootstrap import DRAWS, Interval
from training.evaluation.policy.candidates import Candidate, not_judged, probabilities, rounds_of
from training.evaluation.policy.judged_policies import JudgedPolicy, judge_policies
from training.evaluation.policy.reward_model import RewardModel

CAVEAT = (
    "Values are of one decision at a time, on the customers and moments that were logged, everything after it being decided as it was. "
    "What a policy changes by its own earlier messages (fatigue, stock, customers who left) is not in them: the holdout measures that."
)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Figure(_Part):
    """An estimate; bounds and error are None where there are none (DM, a single customer)."""

    value: float | None
    low: float | None
    high: float | None
    error: float | None


class PolicyLine(_Part):
    """One policy.

    Attributes:
        name, version: of the policy; no version for the three that are no file.
        value: estimator → money a decision.
        difference: estimator → the same minus the champion's, paired.
        effective_size, effective_paid, missing, thin, largest_weight: see `Support`.
        clip, clipped: of clipped DR.
        sent: share of its decisions that send something.
        refusal: why there is no figure; empty where there is.
        warnings: what to know of the figures.
    """

    name: str
    version: str | None
    value: dict[str, Figure]
    difference: dict[str, Figure]
    effective_size: float
    effective_paid: float
    missing: float
    thin: float
    largest_weight: float
    clip: float
    clipped: float
    sent: float
    refusal: str
    warnings: list[str]


class PolicyComparison(_Part):
    """The whole table.

    Attributes:
        decisions, customers: that were judged.
        first, last: moments of the first and the last of them.
        horizon_days: of every reward.
        holdouts: what was done with customers on whom the policy did not act.
        left_out: reason → decisions that were not judged.
        champion: with which the others are compared.
        reward_model, seed: how it was computed.
        policies: one line each.
        caveat: what such figures are not.
    """

    decisions: int
    customers: int
    first: datetime
    last: datetime
    horizon_days: int
    holdouts: str
    left_out: dict[str, int]
    champion: str
    reward_model: str
    seed: int
    policies: list[PolicyLine]
    caveat: str = CAVEAT


def compare_policies(
    rows: DecisionRows,
    candidates: Sequence[Candidate],
    *,
    champion: str,
    holdouts: HoldoutRows,
    model: RewardModel = RewardModel.RIDGE,
    clip: float | None = None,
    seed: int,
    draws: int = DRAWS,
) -> PolicyComparison:
    """Judge candidates on logged decisions.

    Args:
        rows: the decisions.
        candidates: policies of different names, the champion among them.
        champion: name of the policy that the others are compared with.
        holdouts: by which `rows` were made.
        model: of DM and DR.
        clip: λ of clipped DR; None: √n.
        seed: of folds and draws.
        draws: of the bootstrap.

    Raises:
        HuitouError: a candidate cannot be judged on these decisions.
    """
    targets = {candidate.name: probabilities(rows, candidate) for candidate in candidates}
    judged = judge_policies(rounds_of(rows), targets, champion=champion, model=model, clip=clip, seed=seed, draws=draws)
    silent = np.array([one.type == "no_action" for record in rows.records for one in record.considered], dtype=np.float64)
    count = len(rows.records)
    lines = [
        _line(rows, candidate, one, 1.0 - float(targets[candidate.name] @ silent) / count)
        for candidate, one in zip(candidates, judged, strict=True)
    ]
    return PolicyComparison(
        decisions=count,
        customers=len(np.unique(rows.customer)),
        first=rows.records[0].now,
        last=rows.records[-1].now,
        horizon_days=rows.horizon_days,
        holdouts=holdouts.value,
        left_out=rows.left_out,
        champion=champion,
        reward_model=model.value,
        seed=seed,
        policies=lines,
    )


def figure(interval: Interval) -> Figure:
    """An interval for JSON, which knows no NaN."""
    return Figure(**{name: value if math.isfinite(value) else None for name, value in vars(interval).items()})


def _line(rows: DecisionRows, candidate: Candidate, judged: JudgedPolicy, sent: float) -> PolicyLine:
    its = judged.support
    warnings = [its.warning] if its.warning else []
    unjudged = not_judged(rows, candidate.policy) if candidate.policy else []
    if unjudged:
        warnings.append(
            f"its {', '.join(unjudged)} differ from those that decided; they act before the choice, and what they change is not judged"
        )
    return PolicyLine(
        name=candidate.name,
        version=candidate.policy.version if candidate.policy else None,
        value={estimator.value: figure(interval) for estimator, interval in judged.value.items()},
        difference={estimator.value: figure(interval) for estimator, interval in judged.difference.items()},
        effective_size=its.effective_size,
        effective_paid=its.effective_paid,
        missing=its.missing,
        thin=its.thin,
        largest_weight=its.largest_weight,
        clip=judged.clip,
        clipped=judged.clipped,
        sent=sent,
        refusal=its.refusal,
        warnings=warnings,
    )
