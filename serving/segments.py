"""Value layer and life-cycle stage of a customer, from a handful of features and the assumptions' bounds."""

from __future__ import annotations

import math
from enum import StrEnum

import numpy as np

from features.store import CustomerFeatures
from serving.catalogue import Catalogue

_LOYAL_ORDER_DAYS = 6  # five gaps: the least from which a rhythm can be told from chance
_LOYAL_GAPS = 3.0  # pauses of up to three usual gaps still belong to the rhythm (an exponential gap exceeds them once in twenty)


class Layer(StrEnum):
    """How much a customer is worth: 高价值, 潜力, 普通, 沉睡."""

    HIGH_VALUE = "high_value"
    POTENTIAL = "potential"
    REGULAR = "regular"
    DORMANT = "dormant"


class Stage(StrEnum):
    """Where a customer stands.

    Orders tell strangers, buyers and loyal customers apart. `aware` and `interested` need browsing events, `advocate` needs referrals;
    a shop whose data hold none of them never sees these three.
    """

    STRANGER = "stranger"
    AWARE = "aware"
    INTERESTED = "interested"
    BUYER = "buyer"
    LOYAL = "loyal"
    ADVOCATE = "advocate"


def spend_percentile(customer: CustomerFeatures, catalogue: Catalogue) -> float:
    """Percentile (0–100) of the decayed spend of about the last 112 days among all customers; 0 where there are none to compare with."""
    quantiles = catalogue.products.spend_percentiles
    spend = customer.value("amount_decayed_112d")
    return float(np.interp(spend, quantiles, np.linspace(0, 100, len(quantiles)))) if quantiles and math.isfinite(spend) else 0.0


def layer_of(customer: CustomerFeatures, catalogue: Catalogue) -> Layer:
    """Value layer: dormant by the last order's age, else by the percentile of decayed spend; the bounds are the assumptions'."""
    bounds = catalogue.assumptions.layers
    silence = customer.value("days_since_last_order")
    if not silence < bounds.dormant_after_days:  # an unknown age counts as dormant
        return Layer.DORMANT
    percentile = spend_percentile(customer, catalogue)
    if percentile >= bounds.high_value_from_percentile:
        return Layer.HIGH_VALUE
    return Layer.POTENTIAL if percentile >= bounds.potential_from_percentile else Layer.REGULAR


def stage_of(customer: CustomerFeatures | None) -> Stage:
    """Stranger without orders; loyal with at least six order days, the last no longer ago than three usual gaps; else buyer."""
    if customer is None or not customer.value("order_count") > 0:
        return Stage.STRANGER
    in_rhythm = customer.value("days_since_last_order") <= _LOYAL_GAPS * max(customer.value("gap_mean"), 1.0)
    return Stage.LOYAL if customer.value("order_day_count") >= _LOYAL_ORDER_DAYS and in_rhythm else Stage.BUYER
