"""Scores of every customer as one file, for a marketing system that wants them all."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from features.decisions.assignment import holdout_of
from features.store import CustomerFeatures
from serving.campaigns.csv_file import write_csv
from serving.campaigns.population import Population, nobody_to_score, readable, required_model, scored
from serving.channel_scores import channel_probabilities
from serving.churn_scores import expected_date
from serving.live import Live
from serving.segments import segments_of, spend_percentiles
from serving.services import Services
from serving.spending import expected_margin
from training.artifacts.return_hazard import HORIZONS
from training.artifacts.value import ValueScores

_VALUE = ("predicted_orders", "predicted_clv", "predicted_clv_low", "predicted_clv_high", "clv_percentile", "probability_alive")
COLUMNS = (
    "customer_id",
    *(f"churn_probability_{h}d" for h in HORIZONS),
    *(f"churn_percentile_{h}d" for h in HORIZONS),
    *(f"channel_churn_probability_{h}d" for h in HORIZONS),
    "expected_next_order_date",
    "next_order_date_low",
    "next_order_date_high",
    "average_days_between_orders",
    *_VALUE,
    "stage",
    "layer",
    "spend_percentile",
    "expected_margin_28d",
    "policy_holdout",
    "currency",
    "as_of",
    "model_version",
    "assumptions",
)


BLOCK = 5_000  # customers scored at a time: 26 steps of 120 inputs each are 125 MB

Row = tuple[object, ...]


def score_all(services: Services, out: Path) -> int:
    """Write one row per customer; returns how many. Who never ordered comes last, with a stage and the chance to leave the channel only.

    Args:
        services: the state and the models.
        out: CSV file, replaced atomically.

    Raises:
        ModelUnavailable: there is no return hazard to score with.
        StateBroken: no customer can be read.
    """
    required_model(services.live)  # said before a file is begun
    return write_csv(out, COLUMNS, _rows(services.live, services.permissions.profiled()))


def _rows(live: Live, profiled: Collection[str]) -> Iterator[Row]:
    """Block by block: a million customers at once would take tens of gigabytes."""
    assumptions = live.catalogue.assumptions
    tail = (assumptions.currency, live.as_of.isoformat(), live.models.versions["return_hazard"], assumptions.version)
    never_ordered: list[str] = []  # ids alone; they are read again, whole, when everybody else is written: tags tell their stage
    anybody = False
    for block in _blocks(readable(live, profiled, [], sketched=True)):
        buyers = [customer for customer in block if customer.has_ordered]
        never_ordered += [customer.customer_id for customer in block if not customer.has_ordered]
        if buyers:
            anybody = True
            yield from _of_buyers(live, scored(live, buyers), tail)
    if not anybody:
        raise nobody_to_score()
    for block in _blocks(readable(live, profiled, [], ids=never_ordered)):
        yield from _of_the_others(live, block, tail)


def _blocks(customers: Iterator[CustomerFeatures]) -> Iterator[list[CustomerFeatures]]:
    while block := list(islice(customers, BLOCK)):
        yield block


def _of_buyers(live: Live, population: Population, tail: tuple[object, ...]) -> Iterator[Row]:
    churn = population.churn
    margins = expected_margin(population.stored, 28.0, live.catalogue.assumptions)
    leaving = channel_probabilities(live, population.stored, HORIZONS)
    spends = spend_percentiles(population.stored, live.catalogue)
    for i, customer in enumerate(population.customers):
        days = [churn.days_until_order[i], *([] if churn.days_interval is None else churn.days_interval[i])]
        dates = [expected_date(customer.as_of, float(until)) for until in days]
        gap = customer.value("gap_mean")
        yield (
            customer.customer_id,
            *(round(float(churn.probability[h][i]), 6) for h in HORIZONS),
            *(round(float(churn.percentile[h][i]), 1) for h in HORIZONS),
            *(leaving[i][h] for h in HORIZONS),
            *(None if date is None else date.isoformat(timespec="seconds") for date in dates),
            round(gap, 2) if math.isfinite(gap) else None,
            *_value_cells(population.value, i),
            population.segments[i].stage,
            population.segments[i].layer,
            round(float(spends[i]), 1),
            round(float(margins[i]), 2),
            holdout_of(customer.customer_id, live.policy.holdouts),
            *tail,
        )


def _of_the_others(live: Live, customers: Sequence[CustomerFeatures], tail: tuple[object, ...]) -> Iterator[Row]:
    """Rows of customers who never ordered: what is learned from orders is empty."""
    leaving = channel_probabilities(live, np.vstack([customer.vector for customer in customers]), HORIZONS)
    for customer, chances in zip(customers, leaving, strict=True):
        known = {
            "customer_id": customer.customer_id,
            **{f"channel_churn_probability_{h}d": chances[h] for h in HORIZONS},
            "stage": segments_of(live, customer, None, None).stage,
            "policy_holdout": holdout_of(customer.customer_id, live.policy.holdouts),
        }
        yield (*(known.get(name) for name in COLUMNS[: -len(tail)]), *tail)


def _value_cells(value: ValueScores | None, row: int) -> list[float | None]:
    """Cells of `_VALUE`; empty ones without the model."""
    if value is None:
        return [None] * len(_VALUE)
    digits = {"clv_percentile": 1, "probability_alive": 6}
    columns = {**{name: getattr(value, name) for name in _VALUE if name != "clv_percentile"}, "clv_percentile": value.percentile}
    return [round(float(columns[name][row]), digits.get(name, 2)) for name in _VALUE]
