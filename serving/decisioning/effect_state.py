"""What the effect of an offer may depend on, read from a customer's context: the numbers of `features.decisions.state`."""

from __future__ import annotations

import math
from collections.abc import Mapping

from features.decisions.state import STATE
from features.store import CustomerFeatures
from serving.customer_context import CustomerContext

State = Mapping[str, float | None]


def effect_state(context: CustomerContext) -> State:
    """Name → number, None where it is not known; empty for somebody of whom nothing may be used."""
    customer = context.customer
    if customer is None:
        return {}
    made = {"silence_in_cycles": _silence(customer), "p_order": context.p_order, "value_percentile": _percentile(context)}
    return {name: _known(made[name] if name in made else customer.value(name)) for name in STATE}


def _silence(customer: CustomerFeatures) -> float | None:
    silence, gap = customer.value("days_since_last_order"), customer.value("gap_mean")
    return silence / gap if gap > 0 else None


def _percentile(context: CustomerContext) -> float | None:
    return None if context.value is None else float(context.value.percentile[0])


def _known(number: float | None) -> float | None:
    return None if number is None or not math.isfinite(number) else float(number)
