"""The path on which nothing is bought: how each feature moves while the customer stays away.

Recencies and ages grow, windows empty, decayed sums shrink; what the path does not determine (contacts, redemptions, profile) stays as
it was at the as-of date, and the lead, in steps, is itself an input. One function serves training and serving, so that there is no skew.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.feature_sets import FeatureSet

STEP_DAYS = 7  # W of the method: one label step
# The days observed say how far back windows and memories can see. None sees further than half a year, and beyond it the number would be a
# calendar: on Online Retail trees took the summer's low for the autumn's (28-day log loss .549, with the bound .535; Complete Journey
# .3040 and .3046).
LONGEST_OBSERVED = 182.0
_AGES = ("days_observed", "days_since_first_order", "days_since_last_order")
_WINDOW = re.compile(r"order_days_last_(\d+)d")
_DECAY = re.compile(r"(?:order_days|amount|lines)_decayed_(\d+)d")

DERIVED = (
    "lead",
    "recency_per_gap",
    "recency_per_recent_gap",
    "recency_per_longest_gap",
    "recency_in_deviations",
    "order_day_rate",
    "trend_14_56",
    "trend_28_112",
)


@dataclass(frozen=True)
class HazardPath:
    """Rolls the customer feature set forward along the path without orders."""

    features: FeatureSet

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the model's inputs: the stored features, then the derived ones."""
        return (*self.features.columns, *DERIVED)

    def at(self, stored: NDArray[np.float64], lead: int) -> NDArray[np.float64]:
        """Inputs of the hazard `lead` steps after the as-of date, given no order since.

        Args:
            stored: (n, features) at the as-of date, in the feature set's order; NaN where unknown.
            lead: steps of `STEP_DAYS` since the as-of date, >= 0.

        Returns:
            (n, features + derived) float64.
        """
        rolled = np.array(stored, dtype=np.float64, copy=True)
        days = STEP_DAYS * lead
        rolled[:, self._ages] += days
        observed = self._index["days_observed"]
        rolled[:, observed] = np.minimum(rolled[:, observed], LONGEST_OBSERVED)
        for column, window in self._windows.items():
            left = self._window_column.get(window - days)
            rolled[:, column] = 0.0 if left is None else stored[:, left]
        rolled[:, self._decays[0]] *= np.exp(-days / self._decays[1])
        return np.hstack([rolled, self._derive(rolled, lead)])

    def _derive(self, x: NDArray[np.float64], lead: int) -> NDArray[np.float64]:
        c = self._index
        recency, gap = x[:, c["days_since_last_order"]], x[:, c["gap_mean"]]

        def ratio(top: NDArray[np.float64], bottom: NDArray[np.float64]) -> NDArray[np.float64]:
            # An unknown or zero divisor gives NaN, which LightGBM treats as missing.
            return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)

        derived: dict[str, Any] = {
            "lead": np.full(len(x), float(lead)),
            "recency_per_gap": ratio(recency, gap),
            "recency_per_recent_gap": ratio(recency, x[:, c["gap_recent"]]),
            "recency_per_longest_gap": ratio(recency, x[:, c["gap_max"]]),
            "recency_in_deviations": ratio(recency - gap, x[:, c["gap_std"]]),
            "order_day_rate": x[:, c["order_day_count"]] / np.maximum(x[:, c["days_since_first_order"]], 1.0),
            "trend_14_56": ratio(x[:, c["order_days_decayed_14d"]], x[:, c["order_days_decayed_56d"]]),
            "trend_28_112": ratio(x[:, c["order_days_decayed_28d"]], x[:, c["order_days_decayed_112d"]]),
        }
        return np.column_stack([derived[name] for name in DERIVED])

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.features.columns)}

    @cached_property
    def _ages(self) -> list[int]:
        return [self._index[name] for name in _AGES]

    @cached_property
    def _windows(self) -> dict[int, int]:
        found = ((i, _WINDOW.fullmatch(name)) for name, i in self._index.items())
        return {i: int(match[1]) for i, match in found if match}

    @cached_property
    def _window_column(self) -> dict[int, int]:
        return {window: i for i, window in self._windows.items()}

    @cached_property
    def _decays(self) -> tuple[list[int], NDArray[np.float64]]:
        found = [(i, _DECAY.fullmatch(name)) for name, i in self._index.items()]
        pairs = [(i, float(match[1])) for i, match in found if match]
        return [i for i, _ in pairs], np.array([tau for _, tau in pairs])
