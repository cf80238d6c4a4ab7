"""The effect as a function of who the customer is and of how much is expected of them anyway.

Two facts hold for most campaigns: an effect depends on a few traits, weakly, and on how likely the customer is to respond in any case
(those who would come anyway cannot be won). So the effect is modelled as

    effect(x) = a + b·z(x) + r(x)·(c + d·z(x)),

`z` being standardised traits and `r` the *expected response* (prognostic score, whichever arm), cross-fitted so that a customer's own
outcome never enters it (risk-based effect modelling, Kent et al. 2020, "The PATH statement"). The coefficients minimise the
R-learner's loss (Nie and Wager 2021) with a ridge penalty. For a 0/1 outcome rows are weighed by the inverse variance of their outcome:
among people of whom little is expected the same difference says more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from training.models.uplift.experiment import Array, Experiment, Scorer
from training.models.uplift.linear_design import LinearDesign

_FOLDS = 5  # of the cross-fitting
_PENALTY = 20.0  # ridge of the expected response, on standardised columns: hardly any at thousands of people
_LEAST_SHARE = 0.01  # expected responses are held this far from 0 and 1, so that no weight runs away


@dataclass(frozen=True)
class Residuals:
    """What an effect is learned from once the expected response is taken off (the R-learner's terms).

    Attributes:
        design: of the traits.
        risk: `(n,)` standardised expected response of each training row, cross-fitted.
        target: `(n,)` (outcome − expected) ÷ (arm − share treated).
        weight: `(n,)` mean 1: `target` is regressed with it.
        expected: the expected response of anybody, on the same standardised scale.
    """

    design: LinearDesign
    risk: Array
    target: Array
    weight: Array
    expected: Scorer

    @classmethod
    def of(cls, experiment: Experiment, *, seed: int) -> Residuals:
        """Cross-fit the expected response and take it off.

        Args:
            experiment: training rows.
            seed: of the cross-fitting's folds.
        """
        design = LinearDesign.of(experiment.inputs, experiment.levels)
        columns, outcome = design(experiment.inputs), experiment.outcome
        fold = np.random.default_rng(seed).permutation(len(outcome)) % _FOLDS
        raw = np.empty(len(outcome))
        coefficients = []
        for hidden in range(_FOLDS):
            test = fold == hidden
            fitted = _regress(columns[~test], outcome[~test], binary=experiment.binary)
            raw[test] = _linear(fitted, columns[test])
            coefficients.append(fitted)
        middle, deviation = float(raw.mean()), float(raw.std()) or 1.0
        mean = np.mean(coefficients, axis=0)

        if experiment.binary:
            response = np.clip(1.0 / (1.0 + np.exp(-raw)), _LEAST_SHARE, 1 - _LEAST_SHARE)
            variance = response * (1 - response)
        else:
            response, variance = raw, np.ones(len(raw))
        arm = experiment.treated - experiment.treated.mean()
        weight = arm**2 / variance
        return cls(
            design,
            (raw - middle) / deviation,
            (outcome - response) / arm,
            weight / weight.mean(),
            lambda inputs: (_linear(mean, design(inputs)) - middle) / deviation,
        )


def modifiers(columns: Array, risk: Array) -> Array:
    """`(n, k)` traits and `(n,)` risk → `(n, 2k + 1)` traits, risk, traits × risk."""
    return np.column_stack([columns, risk, columns * risk[:, None]])


@dataclass(frozen=True)
class RidgePath:
    """A weighted ridge regression, decomposed once, solved at any penalty.

    Attributes:
        centre, deviation: `(k,)` of the columns.
        level: weighted mean of the target.
        values, vectors, projected: the weighted cross-product's eigenvalues, eigenvectors, and the target on them.
    """

    centre: Array
    deviation: Array
    level: float
    values: Array
    vectors: Array
    projected: Array

    @classmethod
    def of(cls, columns: Array, target: Array, weight: Array) -> RidgePath:
        """Decompose `(n, k)` columns; each is standardised first, so that one penalty fits all."""
        centre = np.average(columns, axis=0, weights=weight)
        deviation = columns.std(axis=0)
        deviation = np.where(deviation > 1e-9, deviation, 1.0)
        centred = (columns - centre) / deviation
        level = float(np.average(target, weights=weight))
        weighted = centred * weight[:, None]
        values, vectors = np.linalg.eigh(weighted.T @ centred)
        return cls(centre, deviation, level, np.maximum(values, 0.0), vectors, vectors.T @ (weighted.T @ (target - level)))

    def predict(self, columns: Array, penalty: float) -> Array:
        """`(m, k)` columns → `(m,)`."""
        coefficients = self.vectors @ (self.projected / (self.values + penalty))
        return self.level + ((columns - self.centre) / self.deviation) @ coefficients


def _regress(columns: Array, outcome: Array, *, binary: bool) -> Array:
    """`(1 + k,)` intercept and coefficients of the expected response; logits for a 0/1 outcome."""
    from sklearn.linear_model import LogisticRegression, Ridge

    if binary:
        model = LogisticRegression(C=1 / _PENALTY, solver="newton-cholesky", max_iter=50).fit(columns, outcome)
        return np.concatenate([model.intercept_, model.coef_[0]])
    model = Ridge(alpha=_PENALTY).fit(columns, outcome)
    return np.concatenate([[model.intercept_], model.coef_])


def _linear(coefficients: Array, columns: Array) -> Array:
    return np.asarray(coefficients[0] + columns @ coefficients[1:])


class EffectConfig(BaseModel):
    """Settings of the effect model.

    Attributes:
        penalty: ridge on standardised columns; greater = closer to one effect for everybody.
        by_risk: whether the effect may depend on the expected response and each trait's effect on it too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    penalty: float = Field(default=100.0, gt=0)
    by_risk: bool = True


@dataclass(frozen=True)
class RiskModified:
    """The effect as described above; with `by_risk` false a plain linear R-learner."""

    config: EffectConfig = field(default_factory=EffectConfig)

    def fit(self, experiment: Experiment, *, seed: int) -> Scorer:
        """Learn the effect."""
        return effects(Residuals.of(experiment, seed=seed), experiment, [self.config])[0]


def effects(residuals: Residuals, experiment: Experiment, configs: Sequence[EffectConfig]) -> list[Scorer]:
    """A scorer per setting; what settings share is computed once.

    Args:
        residuals: of the experiment.
        experiment: training rows.
        configs: settings.
    """
    columns = residuals.design(experiment.inputs)
    paths: dict[bool, RidgePath] = {}
    for by_risk in {config.by_risk for config in configs}:
        given = modifiers(columns, residuals.risk) if by_risk else columns
        paths[by_risk] = RidgePath.of(given, residuals.target, residuals.weight)

    def scorer(config: EffectConfig) -> Scorer:
        def score(inputs: Array) -> Array:
            new = residuals.design(inputs)
            return paths[config.by_risk].predict(modifiers(new, residuals.expected(inputs)) if config.by_risk else new, config.penalty)

        return score

    return [scorer(config) for config in configs]
