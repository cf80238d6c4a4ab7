"""How often the 95 % intervals of off-policy values hold the truth, on logs in which every policy's value is known.

    python -m benchmarks.policy_coverage [--seeds 200] [--customers 600] [--share 0.2] [--clip 20]

A log is one seed's customers, who come one to six times, get one of two to six offers, and mostly buy nothing; see
tests/training/evaluation/policy/known_bandit.py. The truth is the value over 200,000 other customers. DM is left out: its intervals would
not count how wrong its model is, so the product gives it none. A log that says too little of a policy gives no figure and is not counted.
"""

from __future__ import annotations

import argparse

from tests.training.evaluation.policy.interval_coverage import CUSTOMERS, POLICIES, SHARE, covered, true_values
from training.evaluation.policy.estimators import Estimator

_SHOWN = (Estimator.IPS, Estimator.SNIPS, Estimator.DR, Estimator.CLIPPED_DR)


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    parser.add_argument("--share", type=float, default=SHARE, help="of exploration")
    parser.add_argument("--clip", type=float, help="λ of clipped DR; root of the decisions by default")
    asked = parser.parse_args()
    true = true_values(asked.share)
    hits = covered(asked.seeds, policies=(*POLICIES, "nothing"), customers=asked.customers, share=asked.share, clip=asked.clip)
    print(f"{asked.seeds} logs of {asked.customers} customers, {asked.share:.0%} exploration: share of 95 % intervals that hold the truth")
    print(f"{'policy':<10}{'truth':>8}  {'of':<12}" + "".join(f"{estimator.value:>12}" for estimator in _SHOWN))
    for policy in (*POLICIES, "nothing"):
        for what in ("value", "difference"):
            if (policy, what, Estimator.DR) in hits:
                of_all = {estimator: hits[policy, what, estimator] for estimator in _SHOWN}
                shares = "".join(f"{sum(held) / len(held):>12.1%}" for held in of_all.values())
                print(f"{policy:<10}{true[policy]:>8.3f}  {what:<12}{shares}   of {len(of_all[Estimator.DR])} logs")


if __name__ == "__main__":
    main()
