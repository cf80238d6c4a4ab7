"""Whether a policy may take the champion's place: more money for certain, and no more customers lost than is allowed.

What DR says of money must be above the champion's with its whole 95 % interval. The guardrails are judged the other way round, as harm that
must be ruled out: the worst that the interval allows must stay within the margin. Both come from the same logged decisions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from training.datasets.decision_rows import REPURCHASE_DAYS, DecisionRows
from training.evaluation.policy.bootstrap import DRAWS, Interval
from training.evaluation.policy.candidates import Candidate, not_judged, probabilities, rounds_of
from training.evaluation.policy.estimators import Estimator
from training.evaluation.policy.judged_policies import judge_policies
from training.evaluation.policy.logged_rounds import Array, LoggedRounds
from training.evaluation.policy.support import FEW_PAID, Support

MOST_UNSUBSCRIBED = 0.01  # of decisions, more than the champion: the point that the shop's goal allows
LEAST_REPURCHASED = -0.02  # of decisions, below the champion
_CHAMPION, _CANDIDATE = "champion", "candidate"


class Guardrail(BaseModel):
    """One bound that must hold.

    Attributes:
        name: money, unsubscribed, repurchased_90d.
        difference, low, high: candidate − champion, 95 %; None where it could not be judged.
        bound: what low (money, repurchases) or high (unsubscriptions) is held against.
        kept: whether it holds.
        sentence: what was found.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    difference: float | None
    low: float | None
    high: float | None
    bound: float
    kept: bool
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """Whether the candidate is promoted, and all that was held against it.

    Attributes:
        guardrails: in the order in which they were judged.
        objections: reasons that are no figures.
        decisions: judged.
    """

    guardrails: tuple[Guardrail, ...]
    objections: tuple[str, ...]
    decisions: int

    @property
    def promoted(self) -> bool:
        """Whether everything holds."""
        return not self.objections and all(one.kept for one in self.guardrails)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why not; empty when promoted."""
        return (*self.objections, *(one.sentence for one in self.guardrails if not one.kept))


def judge_promotion(rows: DecisionRows, candidate: Candidate, champion: Candidate, *, seed: int, draws: int = DRAWS) -> Verdict:
    """Hold a policy against the one in force.

    Args:
        rows: logged decisions that are over.
        candidate: the policy that is to take over.
        champion: the one in force.
        seed: of folds and draws.
        draws: of the bootstrap.

    Raises:
        HuitouError: a policy cannot be judged on these decisions.
    """
    policies = {_CHAMPION: probabilities(rows, champion), _CANDIDATE: probabilities(rows, candidate)}
    rounds = rounds_of(rows)
    objections = []
    if np.array_equal(policies[_CHAMPION], policies[_CANDIDATE]):
        objections.append("It decides as the champion does in every logged decision.")
    unjudged = not_judged(rows, candidate.policy) if candidate.policy else []
    if unjudged:
        objections.append(
            f"Its {', '.join(unjudged)} differ from those that decided; what acts before the choice cannot be judged from the log: "
            "change it by hand, or compare both in an experiment."
        )
    money, refusal, covered = _difference(rounds, policies, seed, draws, asks_paid=True)
    if refusal:
        return Verdict((), (*objections, refusal), rounds.count)
    if covered.effective_paid < FEW_PAID:
        objections.append(
            f"The log says as much of what it would earn as {covered.effective_paid:.0f} decisions that earned something; "
            f"a promotion asks for {FEW_PAID:.0f}."
        )
    found = (_money(money), _unsubscribed(rows, rounds, policies, seed, draws), _repurchased(rows, rounds, policies, seed, draws))
    return Verdict(found, tuple(objections), rounds.count)


def _difference(
    rounds: LoggedRounds, policies: dict[str, Array], seed: int, draws: int, *, asks_paid: bool = False
) -> tuple[Interval, str, Support]:
    """DR's difference, why there is none, and what the log covers of the candidate."""
    champion, candidate = judge_policies(rounds, policies, champion=_CHAMPION, seed=seed, draws=draws, asks_paid=asks_paid)
    for name, judged in ((_CANDIDATE, candidate), (_CHAMPION, champion)):
        if judged.support.refusal:
            return _NONE, f"The {name} cannot be judged: {judged.support.refusal}", candidate.support
    return candidate.difference[Estimator.DR], "", candidate.support


_NONE = Interval(float("nan"), float("nan"), float("nan"), float("nan"))


def _money(found: Interval) -> Guardrail:
    kept = found.low > 0
    said = f"DR's difference to the champion is {found.value:+.4f} money a decision, 95 % {found.low:+.4f} to {found.high:+.4f}"
    return _guardrail("money", found, 0.0, kept, said + (": above 0." if kept else ": not certainly above 0."))


def _unsubscribed(rows: DecisionRows, rounds: LoggedRounds, policies: dict[str, Array], seed: int, draws: int) -> Guardrail:
    found, refusal, covered = _difference(replace(rounds, reward=rows.departed), policies, seed, draws)
    # What was hardly ever seen no draw can tell: none in n decisions may mean up to 3 in n (Hanley and Lippman-Hand 1983).
    found = replace(found, high=max(found.high, 3.0 / covered.effective_size)) if not refusal else found
    kept = not refusal and found.high <= MOST_UNSUBSCRIBED
    said = f"Unsubscriptions differ by {_points(found)}; at most {MOST_UNSUBSCRIBED:+.1%} is allowed."
    return _guardrail("unsubscribed", found, MOST_UNSUBSCRIBED, kept, refusal or said)


def _repurchased(rows: DecisionRows, rounds: LoggedRounds, policies: dict[str, Array], seed: int, draws: int) -> Guardrail:
    name, over = f"repurchased_{REPURCHASE_DAYS:.0f}d", np.isfinite(rows.repurchased)
    if not over.any():
        said = f"No logged decision is {REPURCHASE_DAYS:.0f} days old yet, so repurchases after it cannot be compared; wait."
        return _guardrail(name, _NONE, LEAST_REPURCHASED, False, said)
    kept_actions = over[rounds.round]
    some = _only(replace(rounds, reward=np.nan_to_num(rows.repurchased)), over)
    found, refusal, _ = _difference(some, {of: p[kept_actions] for of, p in policies.items()}, seed, draws)
    kept = not refusal and found.low >= LEAST_REPURCHASED
    said = f"Orders within {REPURCHASE_DAYS:.0f} days differ by {_points(found)}; no less than {LEAST_REPURCHASED:+.1%} is allowed."
    return _guardrail(name, found, LEAST_REPURCHASED, kept, refusal or said)


def _only(rounds: LoggedRounds, kept: NDArray[np.bool_]) -> LoggedRounds:
    """Some of the rounds."""
    actions = kept[rounds.round]
    sizes = np.diff(rounds.first)[kept]
    first = np.concatenate([[0], np.cumsum(sizes)])
    taken = first[:-1] + (rounds.taken - rounds.first[:-1])[kept]
    return LoggedRounds(rounds.customer[kept], first, rounds.propensity[actions], taken, rounds.reward[kept], rounds.inputs[actions])


def _points(found: Interval) -> str:
    return f"{found.value:+.2%}, 95 % {found.low:+.2%} to {found.high:+.2%}"


def _guardrail(name: str, found: Interval, bound: float, kept: bool, sentence: str) -> Guardrail:
    known = {key: value if np.isfinite(value) else None for key, value in vars(found).items()}
    return Guardrail(
        name=name, difference=known["value"], low=known["low"], high=known["high"], bound=bound, kept=bool(kept), sentence=sentence
    )
