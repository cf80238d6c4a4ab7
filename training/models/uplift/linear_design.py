"""Turns numbers, categories and gaps into standardised columns for linear learners; everything is measured on the rows it is fitted to.

A number stands both as itself and by the fifth it falls into, so that what is not monotone can be learned. On the Hillstrom experiment
fifths made the ranking steadier from split to split; tenths made it worse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_RAREST = 20  # people a category needs for a column of its own; rarer ones share the reference
_FIFTHS = (0.2, 0.4, 0.6, 0.8)
_FEW = 6  # different values up to which a number is not cut into fifths
_WINSOR = 0.005  # share cut off at either end of a number: one odd value must not steer a linear fit


@dataclass(frozen=True)
class LinearDesign:
    """Columns of a linear learner.

    Attributes:
        parts: per column of the design: (input column, category or fifth, or None for the number itself, -1 for "is unknown").
        cuts: per input column where its fifths end; empty for categories and numbers of few values.
        low, high, middle: per input column where numbers are cut and what stands for an unknown one.
        mean, deviation: `(k,)` of the design's columns.
    """

    parts: tuple[tuple[int, int | None], ...]
    cuts: tuple[Array, ...]
    low: Array
    high: Array
    middle: Array
    mean: Array
    deviation: Array

    @classmethod
    def of(cls, inputs: Array, levels: tuple[int, ...]) -> LinearDesign:
        """Measure a design on training inputs.

        Args:
            inputs: `(n, p)`.
            levels: per column the number of categories, 0 for a number.
        """
        width = inputs.shape[1]
        low, high, middle = np.zeros(width), np.zeros(width), np.zeros(width)
        parts: list[tuple[int, int | None]] = []
        cuts = [_cuts(inputs[:, column]) if count == 0 else np.empty(0) for column, count in enumerate(levels)]
        for column, count in enumerate(levels):
            values, unknown = inputs[:, column], np.isnan(inputs[:, column])
            known = values[~unknown]
            if count == 0 and len(known):
                low[column], high[column] = np.quantile(known, (_WINSOR, 1 - _WINSOR))
                if low[column] == high[column]:  # a rare flag must survive the cut
                    low[column], high[column] = known.min(), known.max()
                middle[column] = np.median(known)
                parts.append((column, None))
                parts += [(column, fifth) for fifth in range(len(cuts[column]) + 1) if len(cuts[column])]
            parts += [(column, code) for code in range(count) if (values == code).sum() >= _RAREST]
            if unknown.sum() >= _RAREST:
                parts.append((column, -1))
        bare = cls(tuple(parts), tuple(cuts), low, high, middle, np.zeros(len(parts)), np.ones(len(parts)))
        columns = bare(inputs)
        mean, deviation = columns.mean(axis=0), columns.std(axis=0)
        varies = deviation > 1e-9
        kept = tuple(part for part, keep in zip(parts, varies, strict=True) if keep)
        return cls(kept, tuple(cuts), low, high, middle, mean[varies], deviation[varies])

    def __call__(self, inputs: Array) -> Array:
        """`(m, p)` inputs → `(m, k)` standardised columns."""
        made = np.empty((len(inputs), len(self.parts)))
        for position, (column, code) in enumerate(self.parts):
            values = inputs[:, column]
            if code is None:
                made[:, position] = np.clip(np.where(np.isnan(values), self.middle[column], values), self.low[column], self.high[column])
            elif code == -1:
                made[:, position] = np.isnan(values)
            elif len(self.cuts[column]):
                made[:, position] = (np.searchsorted(self.cuts[column], values, side="right") == code) & ~np.isnan(values)
            else:
                made[:, position] = values == code
        return (made - self.mean) / self.deviation


def _cuts(values: Array) -> Array:
    """Where fifths end; empty for a number of few values."""
    known = values[~np.isnan(values)]
    return np.unique(np.quantile(known, _FIFTHS)) if len(np.unique(known)) > _FEW else np.empty(0)
