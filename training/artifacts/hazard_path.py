"""The path on which nothing is bought: how each feature moves while the customer stays away.

Recencies and ages grow, windows empty, decayed sums shrink; what the path does not determine (contacts, redemptions, profile) stays as
it was at the as-of date, and the lead, in steps, is itself an input. One function serves training and serving, so that there is no skew.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.feature_sets import FeatureSet
from training.artifacts.bgnbd import BgNbd
from training.artifacts.calibration import logit

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


# What BG/NBD believes of a customer who stays away: still one, orders a day if so, log odds of an order within a week and a quarter.
POSTERIOR = ("posterior_alive", "posterior_rate", "posterior_week", "posterior_quarter")


@dataclass(frozen=True)
class HazardPath:
    """Rolls the customer feature set forward along the path without orders.

    Attributes:
        features: the stored features.
        habits: BG/NBD in days; with it, its beliefs are inputs too (docs/adr/0007).
    """

    features: FeatureSet
    habits: BgNbd | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the model's inputs: the stored features, the derived ones, then BG/NBD's beliefs."""
        return (*self.features.columns, *DERIVED, *(() if self.habits is None else POSTERIOR))

    def at(self, stored: NDArray[np.float64], lead: int) -> NDArray[np.float64]:
        """Inputs of the hazard `lead` steps after the as-of date, given no order since.

        Args:
            stored: (n, features) at the as-of date, in the feature set's order; NaN where unknown.
            lead: steps of `STEP_DAYS` since the as-of date, >= 0.

        Returns:
            (n, inputs) float64.
        """
        return self.along(stored, [lead])

    def along(self, stored: NDArray[np.float64], leads: Sequence[int]) -> NDArray[np.float64]:
        """Inputs of the hazards of several steps, step by step: `at` of each lead, one below the other.

        All at once, because a request asks for one customer and a quarter of a year: then the steps are what there is many of.

        Args:
            stored: as `at`.
            leads: steps since the as-of date, each >= 0.

        Returns:
            (leads · n, inputs) float64.
        """
        count, width = stored.shape
        steps = np.asarray(leads, dtype=np.float64)
        source = self._sources(tuple(leads))
        # (leads, n, features): each window is the one that is left of it, or empty.
        rolled = (
            stored.astype(np.float64)[:, source].transpose(1, 0, 2) if source is not None else stored[None].astype(np.float64, copy=True)
        )
        rolled = np.ascontiguousarray(rolled)
        days = (STEP_DAYS * steps)[:, None, None]
        for column, window in self._windows.items():
            gone = [place for place, lead in enumerate(leads) if window - STEP_DAYS * lead not in self._window_column]
            if gone:
                rolled[gone, :, column] = 0.0
        rolled[:, :, self._ages] += days
        observed = self._index["days_observed"]
        rolled[:, :, observed] = np.minimum(rolled[:, :, observed], LONGEST_OBSERVED)
        rolled[:, :, self._decays[0]] *= np.exp(-days / self._decays[1])
        flat = rolled.reshape(len(steps) * count, width)
        parts = [flat, self._derive(flat, np.repeat(steps, count))]
        if self.habits is not None:
            parts.append(self._posterior(flat, self.habits))
        return np.hstack(parts)

    def _sources(self, leads: tuple[int, ...]) -> NDArray[np.intp] | None:
        """(leads, features) Which stored column each window shows at each lead; None where all show their own."""
        if not any(leads):
            return None
        found = self._known_sources.get(leads)
        if found is None:
            found = np.tile(np.arange(len(self.features.columns), dtype=np.intp), (len(leads), 1))
            for place, lead in enumerate(leads):
                for column, window in self._windows.items():
                    found[place, column] = self._window_column.get(window - STEP_DAYS * lead, column)
            self._known_sources[leads] = found
        return found

    @cached_property
    def _known_sources(self) -> dict[tuple[int, ...], NDArray[np.intp]]:
        return {}  # of the few walks that there are: a quarter, half a year

    def _posterior(self, x: NDArray[np.float64], habits: BgNbd) -> NDArray[np.float64]:
        silence = x[:, self._index["days_since_last_order"]]
        # A reason's variant may be silent for longer than it is old: then its only order is its last one.
        age = np.maximum(x[:, self._index["days_since_first_order"]], silence)
        repeats = x[:, self._index["order_day_count"]] - 1.0
        alive = habits.probability_alive(repeats, age - silence, age)
        rate = (habits.r + repeats) / (habits.alpha + age)
        # P(silent | alive) is what `probability_silent` multiplies with; here it is shared between both horizons.
        week, quarter = (alive * -np.expm1(-(habits.r + repeats) * np.log1p(h / (habits.alpha + age))) for h in (STEP_DAYS, 91.0))
        return np.column_stack([alive, rate, logit(week), logit(quarter)])

    def _derive(self, x: NDArray[np.float64], lead: NDArray[np.float64]) -> NDArray[np.float64]:
        c = self._index
        recency, gap = x[:, c["days_since_last_order"]], x[:, c["gap_mean"]]

        def ratio(top: NDArray[np.float64], bottom: NDArray[np.float64]) -> NDArray[np.float64]:
            # An unknown or zero divisor gives NaN, which LightGBM treats as missing.
            return np.asarray(np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom > 0))

        derived: dict[str, Any] = {
            "lead": lead,
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
