"""How likely customers are to leave the channel, and what a message adds to that (docs/adr/0009)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.assumptions import Assumptions
from features.feature_sets import CUSTOMER
from serving.live import Live
from serving.spending import expected_margin
from training.artifacts.channel_churn import ChannelChurn

RESPONSE_DAYS = 28.0  # within which a message's effect on leaving is counted, as its response is
LOST_DAYS = 91.0  # of margin, when a customer stops buying: a quarter, the longest standard horizon
_ORDERS = CUSTOMER.columns.index("order_count")
_JUST_NOW = [CUSTOMER.columns.index(name) for name in ("days_since_first_order", "days_since_last_order")]
_ONE = [i for i, name in enumerate(CUSTOMER.columns) if name in {"order_count", "order_day_count"} or name.startswith("order_days_")]

Array = NDArray[np.float64]


def channel_probabilities(live: Live, stored: Array, horizons: Iterable[int]) -> list[dict[int, float | None]]:
    """P(leaves the channel within each horizon), customer by customer; None without the model, and for who has left already.

    Who never ordered is taken for a new buyer (`as_new_buyers`).

    Args:
        live: holds the model.
        stored: (n, features) of `CUSTOMER`.
        horizons: in days.
    """
    days = sorted(set(horizons))
    model = live.models.channel_churn
    if model is None:
        return [dict.fromkeys(days) for _ in stored]
    found = model.churn_probability(as_new_buyers(stored), np.array(days, dtype=np.float64))
    return [dict(zip(days, map(_known, row), strict=True)) for row in found.tolist()]


def as_new_buyers(stored: Array) -> Array:
    """Customers who never ordered as if they had ordered for the first time just now, everything else as it is; others unchanged.

    The model learned from customers who ordered. Nearest to somebody who did not, and inside what it has seen, is who did so a moment ago;
    left as they are, trees that never saw a missing date would read it as one anyway, without anybody having said so.

    Args:
        stored: (n, features) of `CUSTOMER`.
    """
    never = ~(stored[:, _ORDERS] > 0)
    if not never.any():
        return stored
    new = stored[never]
    new[:, _JUST_NOW] = 0.0
    new[:, _ONE] = 1.0
    made = stored.copy()
    made[never] = new
    return made


def added_leaving(model: ChannelChurn | None, stored: Array) -> Array:
    """What one message more adds to P(leaves the channel within 28 days), (n,); 0 without the model."""
    return np.zeros(len(stored)) if model is None else np.asarray(model.contact_effect(as_new_buyers(stored), RESPONSE_DAYS))


def lost_margin(stored: Array, assumptions: Assumptions) -> Array:
    """Money lost when customers stop buying, (n,): the margin of 91 days at their present rate of spending."""
    return expected_margin(stored, LOST_DAYS, assumptions)


@dataclass(frozen=True)
class Leaving:
    """Of one customer.

    Attributes:
        probability: P(leaves the channel within 28 days); None for who has left already.
        added: what one message more adds to that.
    """

    probability: float | None
    added: float


def leaving_of(model: ChannelChurn, vector: Array) -> Leaving:
    """Both from one call of the trees.

    Args:
        model: a finished model.
        vector: (features,) of `CUSTOMER`.
    """
    before, added = model.with_and_without(as_new_buyers(vector[None, :]), RESPONSE_DAYS)
    return Leaving(_known(float(before[0])), float(added[0]))


def _known(chance: float) -> float | None:
    return round(chance, 6) if math.isfinite(chance) else None  # six decimals, as every probability in an answer
