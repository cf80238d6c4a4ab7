"""Whether a log can say anything of a policy: how much of what it would do was hardly ever done, or never could be."""

from __future__ import annotations

from dataclasses import dataclass

from training.evaluation.policy.logged_rounds import Array, LoggedRounds

THIN = 0.001  # propensity below which one round would stand for a thousand and more
MOST_MISSING = 0.01  # of the policy's mass; beyond, no weighting mends it
FEWEST = 30.0  # effective rounds: below, an interval's own error is as large as the interval
# Measured on thinly explored logs of a shop that is known (docs/policy-evaluation.md): at 12 the 95 % intervals held the truth 73 % of the
# time, at 41 in 91 %, at 149 in 94 %.
FEWEST_PAID = 30.0  # effective rounds that earned something: below, no figure
FEW_PAID = 100.0  # below, a warning, and no promotion


@dataclass(frozen=True)
class Support:
    """How far the log covers a policy.

    Attributes:
        missing: share of what the policy would do that had no chance in the log, mean over rounds.
        thin: share whose chance was above 0 and below `THIN`.
        effective_size: rounds that would say as much with equal weights.
        effective_paid: as many of them as earn something in the whole log: where most earn nothing, these carry the figure. What the
            policy itself seems to earn must not enter: logs would be taken for being lucky.
        largest_weight: largest π/p at a taken action.
        asks_paid: whether `effective_paid` must suffice; not where what is rare is counted.
    """

    missing: float
    thin: float
    effective_size: float
    effective_paid: float
    largest_weight: float
    asks_paid: bool = True

    @property
    def refusal(self) -> str:
        """Why nothing is estimated; empty where something is."""
        if self.missing > MOST_MISSING:
            return (
                f"{self.missing:.1%} of what this policy would do never had a chance in the log, so its value there is not known; "
                "explore (policy.toml, exploration.share and exploration.floor) and wait for decisions to mature."
            )
        if self.effective_size < FEWEST:
            return (
                f"the log says as much of this policy as {self.effective_size:.0f} decisions of its own would, fewer than {FEWEST:.0f}; "
                "wait for more decisions, or explore more."
            )
        if self.asks_paid and self.effective_paid < FEWEST_PAID:
            return (
                f"the log says as much of what it would earn as {self.effective_paid:.0f} decisions that earned something, fewer than "
                f"{FEWEST_PAID:.0f}; wait for more decisions, or explore more."
            )
        return ""

    @property
    def warning(self) -> str:
        """What a reader should know of an estimate; empty where nothing."""
        said = []
        if self.missing > 0:
            said.append(f"{self.missing:.2%} of what it would do never had a chance in the log and is not counted by IPS and SNIPS")
        if self.thin > MOST_MISSING:
            said.append(f"{self.thin:.1%} of it had a chance below {THIN:g}: few decisions stand for many")
        if self.asks_paid and self.effective_paid < FEW_PAID:
            said.append(
                f"its figure rests on as much as {self.effective_paid:.0f} decisions that earned something: the interval may be narrow"
            )
        return "; ".join(said)


def support(rounds: LoggedRounds, target: Array, *, asks_paid: bool = True) -> Support:
    """Check a policy against the log.

    Args:
        rounds: the log.
        target: (m,) P(action) under the judged policy.
        asks_paid: whether too few rewards above 0 are a reason to refuse.
    """
    weight = target[rounds.taken] / rounds.propensity[rounds.taken]
    return Support(
        missing=float(target[rounds.propensity <= 0].sum()) / rounds.count,
        thin=float(target[(rounds.propensity > 0) & (rounds.propensity < THIN)].sum()) / rounds.count,
        effective_size=effective_size(weight),
        effective_paid=effective_size(weight) * float((rounds.reward > 0).mean()),
        largest_weight=float(weight.max()),
        asks_paid=asks_paid,
    )


def effective_size(weight: Array) -> float:
    """Rounds that would say as much with equal weights: (Σw)² ÷ Σw² (Kish 1965); 0 where none says anything."""
    squares = float((weight**2).sum())
    return float(weight.sum()) ** 2 / squares if squares > 0 else 0.0
