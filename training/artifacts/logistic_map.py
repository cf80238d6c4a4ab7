"""A small logistic map from named inputs to a probability, kept as plain JSON."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator


class LogisticMap(BaseModel):
    """log-odds = intercept + Σ coefficient · input, on the inputs as they are (no hidden scaling).

    Attributes:
        inputs: names, in the order in which columns are handed in.
        coefficients: one per input.
        intercept: log-odds at all inputs zero.
        positives: number of positives it was fitted on; 0 means the base rate had to be guessed.
    """

    model_config = ConfigDict(frozen=True)

    inputs: tuple[str, ...]
    coefficients: tuple[float, ...]
    intercept: float
    positives: int = 0

    @model_validator(mode="after")
    def _same_length(self) -> LogisticMap:
        if len(self.inputs) != len(self.coefficients):
            raise ValueError(f"{len(self.inputs)} inputs but {len(self.coefficients)} coefficients")
        return self

    def coefficient(self, name: str) -> float:
        """Coefficient of one input."""
        return self.coefficients[self.inputs.index(name)]

    def logit(self, columns: tuple[NDArray[Any] | float, ...]) -> NDArray[np.float32]:
        """Log-odds of rows handed in column by column, in the order of `inputs`; a number stands for a constant column."""
        terms = (np.float32(c) * np.asarray(x, np.float32) for c, x in zip(self.coefficients, columns, strict=True))
        return np.asarray(sum(terms, np.float32(self.intercept)), np.float32)


def sigmoid(logit: NDArray[Any]) -> NDArray[np.float32]:
    """Probability of log-odds, without overflow at any argument."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logit)), np.float32)
