"""How likely customers are to leave the channel, and what a message then costs beyond its price (docs/adr/0009)."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from features.assumptions import Assumptions
from serving.live import Live
from serving.spending import expected_margin
from training.artifacts.channel_churn import ChannelChurn

RESPONSE_DAYS = 28.0  # within which a message's effect on leaving is counted, as its response is
LOST_DAYS = 91.0  # of margin, when the customer leaves: a quarter, the longest standard horizon

Array = NDArray[np.float64]


def channel_probabilities(live: Live, stored: Array, horizons: Iterable[int]) -> list[dict[int, float | None]]:
    """P(leaves the channel within each horizon), customer by customer; None without the model, and for who has left already.

    Args:
        live: holds the model.
        stored: (n, features) of `CUSTOMER`.
        horizons: in days.
    """
    days = sorted(set(horizons))
    model = live.models.channel_churn
    if model is None:
        return [dict.fromkeys(days) for _ in stored]
    found = model.churn_probability(stored, np.array(days, dtype=np.float64))
    return [dict(zip(days, map(_known, row), strict=True)) for row in found.tolist()]


def cost_of_leaving(model: ChannelChurn | None, stored: Array, assumptions: Assumptions) -> Array:
    """What one message more is expected to cost because the customer may leave the channel over it, in currency, (n,); 0 without the model.

    What the message adds to P(leaves within 28 days), times the margin of 91 days at the customer's present rate of spending.
    """
    if model is None:
        return np.zeros(len(stored))
    return model.contact_effect(stored, RESPONSE_DAYS) * expected_margin(stored, LOST_DAYS, assumptions)


def _known(chance: float) -> float | None:
    return round(chance, 6) if math.isfinite(chance) else None  # six decimals, as every probability in an answer
