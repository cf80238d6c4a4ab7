"""Value layer and life-cycle stage of a customer: from what the models expect, measured by the customer's own cycle, and from history.

Documented in `features.assumptions.Layers` and `Stages`, whose bounds a shop sets. Where a model is missing the rules fall back on recent
spend and on days of silence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from features.assumptions import Layers
from features.feature_sets import CUSTOMER
from features.store import CustomerFeatures
from serving.catalogue import Catalogue
from serving.churn_scores import ChurnScores
from serving.interest import is_interested
from serving.live import Live
from training.artifacts.hazard_path import STEP_DAYS
from training.artifacts.return_hazard import ReturnHazard
from training.artifacts.value import ValueScores

_SILENT_GAPS = (
    3.0  # without the hazard: pauses of up to three usual gaps belong to the rhythm (an exponential gap exceeds them once in twenty)
)
_LEAST_CYCLE_DAYS = 7.0  # a step of the hazard: shorter cycles cannot be told apart
_UNKNOWN_CYCLE_DAYS = 28.0  # of a shop in which nobody has come back
_GAP = CUSTOMER.columns.index("gap_mean")
_SPEND = CUSTOMER.columns.index("amount_decayed_112d")

Array = NDArray[np.float64]


class Layer(StrEnum):
    """How much a customer is worth: 高价值, 潜力, 普通, 沉睡."""

    HIGH_VALUE = "high_value"
    POTENTIAL = "potential"
    REGULAR = "regular"
    DORMANT = "dormant"


class Stage(StrEnum):
    """Where a customer stands.

    Orders make buyers and loyal customers. Who never ordered is `interested` by what they looked at and answered lately, else `aware` if
    the shop knows anything they did; of a `stranger` it knows nothing, or may use nothing. `advocate` needs referrals; a shop whose data
    hold none never sees it.
    """

    STRANGER = "stranger"
    AWARE = "aware"
    INTERESTED = "interested"
    BUYER = "buyer"
    LOYAL = "loyal"
    ADVOCATE = "advocate"


@dataclass(frozen=True)
class Segments:
    """Of one customer; somebody unknown is a stranger. Layers lay buyers by worth: who never ordered has none."""

    stage: Stage
    layer: Layer | None


def segments_of(
    live: Live, customer: CustomerFeatures | None, churn: ChurnScores | None, value: ValueScores | None, row: int = 0
) -> Segments:
    """Stage and layer.

    Args:
        live: assumptions, and the hazard that knows the shop's median cycle.
        customer: None for somebody unknown.
        churn: scores of which `row` is this customer; None without the model.
        value: the same of the value model.
        row: of the scores.
    """
    if customer is None:
        return Segments(Stage.STRANGER, None)
    if not customer.has_ordered:
        interested = is_interested(customer, live.catalogue.assumptions.stages.interested_within_days)
        return Segments(Stage.INTERESTED if interested else Stage.AWARE, None)
    cycle, assumptions = own_cycle(customer, live.models.return_hazard), live.catalogue.assumptions
    staying_away = None if churn is None else cycle_survival(churn.curve[row], cycle * assumptions.layers.cycles)
    if _is_dormant(customer, assumptions.layers, cycle, staying_away):
        layer = Layer.DORMANT
    else:
        layer = _by_value(customer, live.catalogue, value, row)
    days, silence = customer.value("order_day_count"), customer.value("days_since_last_order")
    in_rhythm = silence <= _SILENT_GAPS * cycle if staying_away is None else staying_away < assumptions.stages.loyal_below_survival
    loyal = days >= assumptions.stages.loyal_from_order_days and in_rhythm
    return Segments(Stage.LOYAL if loyal else Stage.BUYER, layer)


def own_cycle(customer: CustomerFeatures, model: ReturnHazard | None) -> float:
    """Days of the customer's own cycle: the mean between orders, the shop's median before the second order day."""
    gap = customer.value("gap_mean")
    if not math.isfinite(gap):
        usual = None if model is None else model.header.reference[_GAP]
        gap = _UNKNOWN_CYCLE_DAYS if usual is None else usual
    return max(gap, _LEAST_CYCLE_DAYS)


def cycle_survival(curve: Array, days: float) -> float:
    """P(no order within so many days, at most as far as the curve goes) from survival at 0, 7, 14, … days: geometric inside a step."""
    place = min(days / STEP_DAYS, len(curve) - 1.0)
    left = min(int(place), len(curve) - 2)
    logs = np.log(np.maximum(curve[left : left + 2], 1e-12))
    return float(np.exp(logs[0] + (logs[1] - logs[0]) * (place - left)))


def spend_percentile(customer: CustomerFeatures, catalogue: Catalogue) -> float:
    """Percentile (0–100) of the decayed spend of about the last 112 days among all customers; 0 where there are none to compare with."""
    return float(spend_percentiles(customer.vector[None, :], catalogue)[0])


def spend_percentiles(stored: Array, catalogue: Catalogue) -> Array:
    """`spend_percentile` of many, (n,); `stored` is (n, features) of `CUSTOMER`."""
    quantiles, spend = catalogue.products.spend_percentiles, stored[:, _SPEND]
    if not quantiles:
        return np.zeros(len(stored))
    found = np.interp(spend, quantiles, np.linspace(0, 100, len(quantiles)))
    return np.where(np.isfinite(spend), found, 0.0)


def _is_dormant(customer: CustomerFeatures, bounds: Layers, cycle: float, staying_away: float | None) -> bool:
    silence = customer.value("days_since_last_order")
    if not math.isfinite(silence):
        return True  # nobody knows of an order
    if staying_away is None:
        return silence >= bounds.dormant_after_days
    return silence > cycle and staying_away >= bounds.dormant_from_survival


def _by_value(customer: CustomerFeatures, catalogue: Catalogue, value: ValueScores | None, row: int) -> Layer:
    bounds = catalogue.assumptions.layers
    worth = 0.0 if value is None else float(value.predicted_clv[row])
    percentile = spend_percentile(customer, catalogue) if value is None else float(value.percentile[row])

    def reaches(amount: float | None, share: float) -> bool:
        return percentile >= share if amount is None or value is None else worth >= amount

    if reaches(bounds.high_value_from_clv, bounds.high_value_from_percentile):
        return Layer.HIGH_VALUE
    return Layer.POTENTIAL if reaches(bounds.potential_from_clv, bounds.potential_from_percentile) else Layer.REGULAR
