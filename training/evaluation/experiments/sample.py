"""Customers of one arm and what became of them, one entry a customer, in the order in which they met the experiment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """Outcomes of one arm.

    Attributes:
        value: (n,) the outcome; of a ratio, what is above the line.
        before: (n,) the same of an equal time before the first exposure; None: nothing is known of it.
        per: (n,) of a ratio, what is below the line; None: one a customer.
        per_before: (n,) the same before.
    """

    value: Array
    before: Array | None = None
    per: Array | None = None
    per_before: Array | None = None

    def __len__(self) -> int:
        """Customers."""
        return len(self.value)

    def of(self, chosen: NDArray[np.bool_] | slice) -> Sample:
        """Some of the customers."""
        return Sample(*(None if part is None else part[chosen] for part in (self.value, self.before, self.per, self.per_before)))  # type: ignore[arg-type]
