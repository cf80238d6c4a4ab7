"""Policies asked about logged decisions: the very code that decides says with which probability each would have given each offer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.decisions.choosing import propensities
from features.decisions.policy import DecisionPolicy
from features.decisions.record import NO_ACTION
from features.errors import HuitouError
from training.datasets.decision_inputs import decision_inputs
from training.datasets.decision_rows import DecisionRows
from training.evaluation.policy.logged_rounds import Array, LoggedRounds

LOGGED, NOTHING, UNIFORM = "logged", "always nothing", "uniform"
_BEFORE_THE_CHOICE = ("contact", "prior", "fairness")  # decide which offers are considered, and what is believed of them


@dataclass(frozen=True)
class Candidate:
    """A policy to be judged.

    Attributes:
        name: in tables.
        policy: its rules; None for the three that need none.
    """

    name: str
    policy: DecisionPolicy | None = None


def rounds_of(rows: DecisionRows) -> LoggedRounds:
    """Decisions as the estimators take them, the money as reward."""
    return LoggedRounds(rows.customer, rows.first, rows.propensity, rows.taken, rows.reward, decision_inputs(rows.records))


def probabilities(rows: DecisionRows, candidate: Candidate) -> Array:
    """(m,) P(offer is given first) under a policy, in no holdout.

    Raises:
        HuitouError: the policy counts over another horizon than the decisions were valued for.
    """
    if candidate.policy is None:
        return _simple(rows, candidate.name)
    if candidate.policy.horizon_days != rows.horizon_days:
        raise HuitouError(
            f"{candidate.name}: its horizon_days is {candidate.policy.horizon_days}, the logged decisions were valued for "
            f"{rows.horizon_days} days; another horizon's values are not in the log."
        )
    policy = candidate.policy
    told = [propensities(r.considered, policy, seed=r.beliefs, state=r.state) for r in rows.records]
    return np.concatenate(told)


def not_judged(rows: DecisionRows, policy: DecisionPolicy) -> list[str]:
    """Sections in which a policy differs from those that decided, and which act before the choice: the log cannot say what they change."""
    policies = {record.policy.version: record.policy for record in rows.records}.values()
    return [name for name in _BEFORE_THE_CHOICE if any(getattr(policy, name) != getattr(other, name) for other in policies)]


def _simple(rows: DecisionRows, name: str) -> Array:
    offers = [one for record in rows.records for one in record.considered]
    if name == LOGGED:
        return np.array([one.policy_propensity for one in offers])
    if name == NOTHING:
        return np.array([float(one.type == NO_ACTION) for one in offers])
    sizes = np.diff(rows.first)
    return np.repeat(1.0 / sizes, sizes)
