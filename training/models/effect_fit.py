"""From rows of randomised decisions to a finished model of effects."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from features.errors import TooLittleHistory
from training.artifacts.effect_design import EffectDesign
from training.artifacts.effect_prior import EffectPrior
from training.artifacts.offer_effect import EffectHeader, OfferEffect
from training.datasets.effect_rows import EffectRows
from training.models.effect_posterior import posterior, scores
from training.models.effect_response import cross_fitted

Array = NDArray[np.float64]
_DAY = 86_400e6  # microseconds


class OfferEffectConfig(BaseModel):
    """Settings of the fit.

    Attributes:
        folds: of the cross-fitting of the expected response.
        most_offers: offers with an effect of their own, those of most decisions; the others have that of their type.
        half_life_days: age at which a decision counts half: offers wear out, and what worked last year may not any more.
        least_decisions: decisions drawn by lot, their horizon over, below which the prior is all there is to say.
        least_of_each: of them, in which something was given, and in which nothing was.
        judged_share: share of the customers who are hidden from the judged fit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folds: int = Field(default=3, ge=2)
    most_offers: int = Field(default=64, ge=1)
    half_life_days: float = Field(default=180.0, gt=0)
    least_decisions: int = Field(default=200, ge=1)
    least_of_each: int = Field(default=30, ge=1)
    judged_share: float = Field(default=1 / 3, gt=0, lt=1)


def fit_effects(rows: EffectRows, prior: EffectPrior, config: OfferEffectConfig, *, seed: int) -> OfferEffect:
    """Learn the effects of all offers together.

    Args:
        rows: of at least two customers.
        prior: the policy's, which the posterior shrinks to.
        config: settings.
        seed: deals customers to folds.
    """
    state = rows.state[rows.decision]
    design = EffectDesign.of(state, rows.p0)
    columns = design(state, rows.p0)
    expected = cross_fitted(rows, columns, design, folds=config.folds, seed=seed)
    at = rows.at[rows.decision]
    weight = 0.5 ** ((at.max() - at) / (_DAY * config.half_life_days))
    step = design.step(state, rows.p0, prior.least_spread)
    found = scores(rows, columns, expected, step=step, most_offers=config.most_offers, weight=weight)
    belief = posterior(found, prior)
    header = EffectHeader(
        horizon_days=rows.horizon_days,
        types=found.types,
        offers=found.offers,
        design=design,
        least_spread=prior.least_spread,
        levels=belief.levels,
        decisions=rows.decisions,
        rows=len(rows.outcome),
        learned_until=datetime.fromtimestamp(at.max() / 1e6, UTC).isoformat(),
    )
    return OfferEffect(header, belief.mean, belief.covariance)


def require_decisions(rows: EffectRows, config: OfferEffectConfig, until: datetime) -> None:
    """Refuse a fit that would say no more than the prior.

    Raises:
        TooLittleHistory: says how many decisions there are and how many are needed.
    """
    found, silent = rows.decisions, rows.silent
    enough = found >= config.least_decisions and min(silent, found - silent) >= config.least_of_each
    if not enough or rows.outcome.min() == rows.outcome.max():
        raise TooLittleHistory(
            f"The offer effect model needs {config.least_decisions} decisions drawn by lot whose {rows.horizon_days} days are over by "
            f"{until.date()}, {config.least_of_each} of them with an offer and {config.least_of_each} without, and responses to some; "
            f"this ledger has {found}, {found - silent} with and {silent} without. Until then the prior of the policy holds."
        )
