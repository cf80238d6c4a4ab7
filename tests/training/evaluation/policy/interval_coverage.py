"""How often intervals of policy values hold what is true."""

from __future__ import annotations

from functools import cache

from tests.training.evaluation.policy.known_bandit import known_bandit
from training.evaluation.policy.estimators import Estimator
from training.evaluation.policy.judged_policies import judge_policies

CUSTOMERS = 600
SHARE = 0.2  # of exploration
POLICIES = ("logged", "uniform", "greedy", "softer")


@cache
def true_values(share: float = SHARE) -> dict[str, float]:
    """Value of every policy over the customers that could have come, to three digits and more."""
    crowd = known_bandit(10**6, customers=200_000, share=share)
    return {policy: crowd.value(policy) for policy in crowd.targets}


Hits = dict[tuple[str, str, Estimator], list[bool]]


def covered(
    seeds: int,
    *,
    policies: tuple[str, ...] = POLICIES,
    customers: int = CUSTOMERS,
    share: float = SHARE,
    clip: float | None = None,
) -> Hits:
    """(policy, `value` or `difference`, estimator) → of every log that gave a figure, whether its interval held the truth."""
    true, hits = true_values(share), Hits()
    for seed in range(seeds):
        bandit = known_bandit(seed, customers=customers, share=share)
        targets = {policy: bandit.targets[policy] for policy in policies}
        for judged in judge_policies(bandit.rounds, targets, champion="logged", clip=clip, seed=seed, draws=400):
            for what, figures, base in (("value", judged.value, 0.0), ("difference", judged.difference, true["logged"])):
                for estimator, interval in figures.items():
                    held = interval.low <= true[judged.name] - base <= interval.high
                    hits.setdefault((judged.name, what, estimator), []).append(held)
    return hits
