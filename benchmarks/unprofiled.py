"""What it costs that decisions do not know who somebody is: `python -m benchmarks.unprofiled --data-dir DIR` (docs/contact-policy.md)."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np


def main() -> None:
    """Print the scores of everybody with and without their profile."""
    from features.feature_sets import CUSTOMER
    from serving.campaigns.population import score_population
    from serving.services import build_services
    from serving.settings import ServingSettings

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    services = build_services(ServingSettings(data_dir=parser.parse_args().data_dir))
    everybody = set(services.live.reader.customer_ids())
    plain, blind = (score_population(services.live, everybody, blind=blind) for blind in (False, True))
    told = plain.stored[:, CUSTOMER.columns.index("profile_known")] > 0
    known, unknown = plain.churn.winback, blind.churn.winback
    print(f"{told.sum():,} of {len(told):,} customers told who they are")
    alike = np.corrcoef(known, unknown)[0, 1]
    print(f"no order within 28 days: mean {known.mean():.3f} with, {unknown.mean():.3f} without; correlation {alike:.3f}")
    if plain.value is not None and blind.value is not None:
        print(f"value of a year: mean {plain.value.predicted_clv.mean():.0f} with, {blind.value.predicted_clv.mean():.0f} without")
    services.ledger.close()


if __name__ == "__main__":
    main()
