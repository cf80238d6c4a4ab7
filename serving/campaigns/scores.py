"""Scores of every customer as one file, for a marketing system that wants them all."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from serving.campaigns.csv_file import write_csv
from serving.campaigns.population import Population, score_population
from serving.churn_scores import expected_date
from serving.live import Live
from serving.segments import layer_of, spend_percentile, stage_of
from serving.services import Services
from serving.spending import expected_margin
from training.artifacts.return_hazard import HORIZONS

COLUMNS = (
    "customer_id",
    *(f"churn_probability_{h}d" for h in HORIZONS),
    *(f"churn_percentile_{h}d" for h in HORIZONS),
    "expected_next_order_date",
    "average_days_between_orders",
    "stage",
    "layer",
    "spend_percentile",
    "expected_margin_28d",
    "currency",
    "as_of",
    "model_version",
    "assumptions",
)


def score_all(services: Services, out: Path) -> int:
    """Write one row per customer; returns how many.

    Args:
        services: the state and the models.
        out: CSV file, replaced atomically.

    Raises:
        ModelUnavailable: there is no return hazard to score with.
        StateBroken: no customer can be read.
    """
    return write_csv(out, COLUMNS, _rows(services.live, score_population(services.live)))


def _rows(live: Live, population: Population) -> Iterator[tuple[object, ...]]:
    churn, assumptions = population.churn, live.catalogue.assumptions
    margins = expected_margin(population.stored, 28.0, assumptions)
    tail = (assumptions.currency, live.as_of.isoformat(), live.models.versions["return_hazard"], assumptions.version)
    for i, customer in enumerate(population.customers):
        expected = expected_date(customer.as_of, float(churn.days_until_order[i]))
        gap = customer.value("gap_mean")
        yield (
            customer.customer_id,
            *(round(float(churn.probability[h][i]), 6) for h in HORIZONS),
            *(round(float(churn.percentile[h][i]), 1) for h in HORIZONS),
            None if expected is None else expected.isoformat(timespec="seconds"),
            round(gap, 2) if math.isfinite(gap) else None,
            stage_of(customer),
            layer_of(customer, live.catalogue),
            round(spend_percentile(customer, live.catalogue), 1),
            round(float(margins[i]), 2),
            *tail,
        )
