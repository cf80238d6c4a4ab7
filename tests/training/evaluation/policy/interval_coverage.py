"""How often intervals of policy values hold what is true."""

from __future__ import annotations

from functools import cache

from tests.training.evaluation.policy.known_bandit import known_bandit
from training.evaluation.policy.estimators import Estimator
from training.evaluation.policy.judged_policies import judge_policies

CUSTOMERS = 600
POLICIES = ("logged", "uniform", "greedy", "softer")


@cache
def true_values() -> dict[str, float]:
    """Value of every policy over the customers that could have come, to three digits and more."""
    crowd = known_bandit(10**6, customers=200_000)
    return {policy: crowd.value(policy) for policy in crowd.targets}


def covered(seeds: int, *, policies: tuple[str, ...] = POLICIES, customers: int = CUSTOMERS) -> dict[tuple[str, str, Estimator], int]:
    """Logs whose interval holds the truth: (policy, `value` or `difference`, estimator) → how many of `seeds`."""
    true, hits = true_values(), dict[tuple[str, str, Estimator], int]()
    for seed in range(seeds):
        bandit = known_bandit(seed, customers=customers)
        targets = {policy: bandit.targets[policy] for policy in policies}
        for judged in judge_policies(bandit.rounds, targets, champion="logged", seed=seed, draws=400):
            for what, figures, base in (("value", judged.value, 0.0), ("difference", judged.difference, true["logged"])):
                for estimator, interval in figures.items():
                    key = (judged.name, what, estimator)
                    hits[key] = hits.get(key, 0) + (interval.low <= true[judged.name] - base <= interval.high)
    return hits
