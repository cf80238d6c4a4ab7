"""What a reward model may see of a decision's offers: the customer's state and the offer's factors, as they were when it was made."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.decisions.record import NO_ACTION, Considered, DecisionRecord
from features.decisions.state import STATE

Array = NDArray[np.float64]


def decision_inputs(records: Sequence[DecisionRecord]) -> Array:
    """`(m, k)` inputs, one row for each offer of each decision: state, what of it is not known, factors, their products, offer types."""
    types = sorted({one.type for record in records for one in record.considered} - {NO_ACTION})
    state = np.array([[_number(record.state.get(name)) for name in STATE] for record in records])
    unknown = np.isnan(state)
    count = np.maximum((~unknown).sum(axis=0), 1)
    # The mean over all decisions: of inputs, not of rewards, so no customer's outcome reaches it.
    state = np.where(unknown, np.nansum(state, axis=0) / count, state)
    owner = np.repeat(np.arange(len(records)), [len(record.considered) for record in records])
    offers = [one for record in records for one in record.considered]
    factors = np.array([_factors(one) for one in offers])
    is_type = np.array([[one.type == name for name in types] for one in offers], dtype=np.float64).reshape(len(offers), len(types))
    sent = factors[:, :1]
    return np.hstack([state[owner], unknown[owner].astype(np.float64), factors, sent * state[owner], is_type])


def _factors(one: Considered) -> list[float]:
    f = one.factors
    caused, given_away = f.tau * (f.margin - f.discount), (f.p0 if f.p0_valid is None else f.p0_valid) * f.discount
    return [float(one.type != NO_ACTION), f.p0, f.tau, f.margin, f.discount, f.contact_cost, f.fatigue, caused, given_away, f.p0 * f.margin]


def _number(told: float | None) -> float:
    return float("nan") if told is None else float(told)
