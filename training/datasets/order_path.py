"""The path on which orders are placed: how the stored features of a customer move through a week with a number of order days in it.

The counterpart of `hazard_path`: recencies return to nearly zero, gaps, counts, windows and decayed sums take the order in. What an order
holds is the customer's mean order (amount, lines, orders a day); shares, variety, contacts and profile stay as they were.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.feature_sets import FeatureSet
from training.artifacts.hazard_path import STEP_DAYS

_WINDOW = re.compile(r"order_days_last_(\d+)d")
_DECAYED = re.compile(r"(order_days|amount|lines)_decayed_(\d+)d")
_GAP_DECAY = 56.0  # of `gap_recent`, as in features/definitions/purchasing.py
_AGES = ("days_observed", "days_since_first_order", "days_since_last_order")

Array = NDArray[np.float64]


@dataclass(frozen=True)
class OrderPath:
    """Moves stored features forward by whole steps, in place, orders included."""

    features: FeatureSet

    def advance(self, stored: Array, days: Array, rng: np.random.Generator) -> None:
        """One step of `STEP_DAYS`.

        Args:
            stored: (n, features) at the step's beginning; changed to what they are at its end.
            days: (n,) order days within the step, 0 to 7; when in the step they lie is drawn.
            rng: source of chance.
        """
        silence = stored[:, self._at("days_since_last_order")].copy()
        gap_weight = self._recent_gap_weight(stored)
        stored[:, self._windows[1:]] = stored[:, self._windows[:-1]]
        stored[:, self._windows[0]] = 0.0
        stored[:, self._decayed] *= self._fading
        stored[:, [self._at(name) for name in _AGES]] += STEP_DAYS
        ordered = np.flatnonzero(days > 0)
        if len(ordered):
            stored[ordered] = self._with_orders(stored[ordered], days[ordered], silence[ordered], gap_weight[ordered], rng)

    def _with_orders(self, rows: Array, days: Array, silence: Array, gap_weight: Array, rng: np.random.Generator) -> Array:
        newest, oldest = _ages(days, rng)
        at = self._at
        count = rows[:, at("order_day_count")].copy()
        per_day = np.where(count > 0, rows[:, at("order_count")] / np.maximum(count, 1.0), 1.0)
        first_gap = silence + STEP_DAYS - oldest
        self._close_gaps(rows, days, (first_gap, newest, oldest), gap_weight)
        rows[:, at("order_day_count")] = count + days
        rows[:, at("order_count")] += days * per_day
        rows[:, at("days_since_last_order")] = newest
        rows[:, self._windows] += days[:, None]
        middle = (newest + oldest) / 2.0
        for column, kind, decay in self._sums:
            each = 1.0 if kind == "order_days" else per_day * np.nan_to_num(rows[:, at(f"{kind}_mean")])
            rows[:, column] += days * each * np.exp(-middle / decay)
        return rows

    def _close_gaps(self, rows: Array, days: Array, ages: tuple[Array, Array, Array], weight: Array) -> None:
        """Take the gaps that the order days close into the customer's rhythm: the first from the last order, the others within the step."""
        first_gap, newest, oldest = ages
        at = self._at
        before = np.maximum(rows[:, at("order_day_count")] - 1.0, 0.0)
        mean, deviation = np.nan_to_num(rows[:, at("gap_mean")]), np.nan_to_num(rows[:, at("gap_std")])
        inner = np.divide(oldest - newest, days - 1.0, out=np.zeros_like(days), where=days > 1)
        closed = before + days
        total = mean * before + first_gap + inner * (days - 1.0)
        squares = (deviation**2 + mean**2) * before + first_gap**2 + inner**2 * (days - 1.0)
        new_mean = total / closed
        rows[:, at("gap_mean")] = new_mean
        rows[:, at("gap_std")] = np.where(closed >= 2, np.sqrt(np.maximum(squares / closed - new_mean**2, 0.0)), np.nan)
        rows[:, at("gap_last")] = np.where(days > 1, inner, first_gap)
        rows[:, at("gap_max")] = np.fmax(rows[:, at("gap_max")], first_gap)
        fade, middle = np.exp(-STEP_DAYS / _GAP_DECAY), np.exp(-(newest + oldest) / 2.0 / _GAP_DECAY)
        recent = np.nan_to_num(rows[:, at("gap_recent")]) * weight * fade + np.exp(-oldest / _GAP_DECAY) * first_gap
        recent += (days - 1.0) * middle * inner
        rows[:, at("gap_recent")] = recent / (weight * fade + np.exp(-oldest / _GAP_DECAY) + (days - 1.0) * middle)

    def _recent_gap_weight(self, stored: Array) -> Array:
        """Weight of the gaps in `gap_recent`: every order day but the first closes one, (n,)."""
        first = np.exp(-np.nan_to_num(stored[:, self._at("days_since_first_order")]) / _GAP_DECAY)
        return np.maximum(stored[:, self._at("order_days_decayed_56d")] - first, 0.0)

    def _at(self, name: str) -> int:
        return self._index[name]

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.features.columns)}

    @cached_property
    def _windows(self) -> list[int]:
        """Columns of the windows, shortest first; each is one step longer than the one before it."""
        found = {int(match[1]): i for name, i in self._index.items() if (match := _WINDOW.fullmatch(name))}
        return [found[days] for days in sorted(found)]

    @cached_property
    def _sums(self) -> list[tuple[int, str, float]]:
        """Column, what is summed, and its decay in days."""
        found = ((i, _DECAYED.fullmatch(name)) for name, i in self._index.items())
        return [(i, match[1], float(match[2])) for i, match in found if match]

    @cached_property
    def _decayed(self) -> list[int]:
        return [column for column, _, _ in self._sums]

    @cached_property
    def _fading(self) -> Array:
        return np.exp([-STEP_DAYS / decay for _, _, decay in self._sums])


def _ages(days: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Days before the step's end of the newest and the oldest of some uniform moments within it, both (n,)."""
    least = 1.0 - rng.random(len(days)) ** (1.0 / days)
    most = least + (1.0 - least) * rng.random(len(days)) ** (1.0 / np.maximum(days - 1.0, 1.0))
    return STEP_DAYS * least, STEP_DAYS * np.where(days > 1, most, least)
