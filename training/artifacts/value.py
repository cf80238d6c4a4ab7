"""The value model as it serves: orders and spend within any number of days, P(alive), and what a customer is worth in a year.

Expected orders are BG/NBD's, period of four weeks by period, each times a factor that trees read from the features. The factor of a period
that labels have closed was learned from what happened. Further periods go on from there as the hazard's renewal simulation does: what
takes it seconds for a thousand customers is distilled into a second set of trees, a look-up of well under a millisecond. The amount of an
order is gamma–gamma's, times a factor of its own. Orders of one day count once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from features.feature_sets import CUSTOMER
from training.artifacts.bgnbd import BgNbd
from training.artifacts.folder import Manifest, open_artifact, write_artifact
from training.artifacts.gamma_gamma import GammaGamma
from training.artifacts.hazard_path import HazardPath
from training.artifacts.tree_scores import tree_scores

if TYPE_CHECKING:
    import pandas as pd

KIND = "value"
PERIOD_DAYS = 28
PERIODS = 13
YEAR_DAYS = 365.0
_LEAST_ORDERS = 1e-6  # of a period: an offset must have a logarithm
_Z80 = 1.2815515655446004  # 90 % quantile of the normal distribution: the bounds of an 80 % interval
_COLUMN = {name: i for i, name in enumerate(CUSTOMER.columns)}

Array = NDArray[np.float64]


class Spread(BaseModel):
    """How far spend lies from its expectation m: variance = (`order` + `customer` · days) · amount of an order · m.

    The first part is chance from order to order; the second is what the model does not know of the customer, which adds up over the time
    looked ahead. Measured on Complete Journey the variance is about proportional to m at every horizon, and grows with the horizon.
    """

    model_config = ConfigDict(frozen=True)

    order: float
    customer: float

    def interval(self, spend: Array, amount: Array, days: float) -> tuple[Array, Array]:
        """80 % interval of the spend of so many days, both (n,): a gamma distribution's quantiles by Wilson and Hilferty (1931)."""
        variance = (self.order + self.customer * days) * amount * spend
        shape = np.divide(spend**2, variance, out=np.full_like(spend, 1e-3), where=variance > 0)
        ninth = 1.0 / (9.0 * np.maximum(shape, 1e-3))
        low, high = (spend * np.maximum(1.0 - ninth + sign * _Z80 * np.sqrt(ninth), 0.0) ** 3 for sign in (-1.0, 1.0))
        return np.minimum(low, spend), np.maximum(high, spend)


class ValueHeader(BaseModel):
    """What stands beside the trees.

    Attributes:
        orders: BG/NBD in days.
        learned_periods: so many periods were learned from closed labels; how it goes on after them is simulated.
        amounts: gamma–gamma of an order day's amount; None where the shop's orders carry no amounts: then spend is 0.
        order_level, amount_level: logarithm of the mean factor over the customers at the refit's last as-of date, which is taken out again:
            the trees tell customers apart; a level that all share is the season's, not theirs, and stays the parametric models'.
        spread: of the spend around its expectation, measured on closed periods.
        clv_quantiles: 101 quantiles of `predicted_clv` over the customers at the refit's last as-of date, for percentiles.
    """

    model_config = ConfigDict(frozen=True)

    orders: BgNbd
    learned_periods: int
    amounts: GammaGamma | None
    order_level: float = 0.0
    amount_level: float = 0.0
    spread: Spread
    clv_quantiles: list[float] = []


@dataclass(frozen=True)
class ValueScores:
    """Of n customers, each (n,).

    Attributes:
        predicted_orders: days with an order expected within a year.
        predicted_clv: spend expected within a year, in the shop's currency, neither discounted nor reduced to margin.
        predicted_clv_low, predicted_clv_high: 80 % interval of the spend.
        percentile: share of customers (0–100) with a lower `predicted_clv` at the refit's last as-of date.
        probability_alive: P(still a customer | history), BG/NBD's.
    """

    predicted_orders: Array
    predicted_clv: Array
    predicted_clv_low: Array
    predicted_clv_high: Array
    percentile: Array
    probability_alive: Array


@dataclass(frozen=True)
class ValueModel:
    """A finished model.

    Attributes:
        header: what stands beside the trees.
        order_trees: logarithm of the factor on BG/NBD's orders of a learned period.
        renewal_trees: the same as simulated, for every period; None where all are learned.
        amount_trees: logarithm of the factor on gamma–gamma's amount; None where there is nothing to learn it from.
    """

    header: ValueHeader
    order_trees: lgb.Booster
    renewal_trees: lgb.Booster | None
    amount_trees: lgb.Booster | None
    manifest: Manifest | None = None
    path: HazardPath = field(default_factory=lambda: HazardPath(CUSTOMER))

    def orders(self, stored: Array, days: Array) -> Array:
        """Days with an order expected within each of `days` after the as-of date.

        Args:
            stored: (n, features) of `CUSTOMER` at the as-of date.
            days: horizons; beyond 52 weeks the last period's rate goes on.

        Returns:
            (n, len(days)), never falling with the horizon.
        """
        days = np.asarray(days, dtype=np.float64)
        periods = int(np.clip(np.ceil(days.max() / PERIOD_DAYS), 1, PERIODS))
        per_period = self._periods(stored, periods)
        total = np.hstack([np.zeros((len(stored), 1)), np.cumsum(per_period, axis=1)])
        whole = np.minimum((days // PERIOD_DAYS).astype(int), periods - 1)
        return np.asarray(total[:, whole] + per_period[:, whole] * (days / PERIOD_DAYS - whole))

    def amount(self, stored: Array) -> Array:
        """Expected amount of a day with an order, (n,)."""
        if self.header.amounts is None:
            return np.zeros(len(stored))
        usual = usual_amount(self.header.amounts, stored)
        if self.amount_trees is None:
            return usual
        factor = tree_scores(self.amount_trees, self.path.at(stored, 0), raw=True)
        return np.asarray(usual * np.exp(factor - self.header.amount_level))

    def spend(self, stored: Array, days: float) -> tuple[Array, Array, Array]:
        """Expected spend within `days` and its 80 % interval, each (n,)."""
        amount = self.amount(stored)
        expected = self.orders(stored, np.array([days]))[:, 0] * amount
        return expected, *self.header.spread.interval(expected, amount, days)

    def forecast(self, stored: Array, days: float) -> tuple[Array, Array]:
        """Expected order days and spend within `days`, both (n,)."""
        orders = self.orders(stored, np.array([days]))[:, 0]
        return orders, orders * self.amount(stored)

    def score(self, stored: Array) -> ValueScores:
        """What customers are worth in a year."""
        orders, amount = self.orders(stored, np.array([YEAR_DAYS]))[:, 0], self.amount(stored)
        low, high = self.header.spread.interval(orders * amount, amount, YEAR_DAYS)
        return ValueScores(
            predicted_orders=orders,
            predicted_clv=orders * amount,
            predicted_clv_low=low,
            predicted_clv_high=high,
            percentile=self.percentile(orders * amount),
            probability_alive=self.header.orders.probability_alive(*purchase_history(stored)),
        )

    def percentile(self, clv: Array) -> Array:
        """Share of customers (0–100) with a lower `predicted_clv` at the refit's last as-of date, (n,)."""
        quantiles = self.header.clv_quantiles
        return np.interp(clv, quantiles, np.linspace(0.0, 100.0, len(quantiles))) if quantiles else np.zeros(len(clv))

    def _periods(self, stored: Array, periods: int) -> Array:
        """Expected order days in each of the first periods, (n, periods)."""
        inputs = self.path.at(stored, 0)
        learned = min(periods, self.header.learned_periods)
        known = period_inputs(inputs, np.arange(float(learned)))
        factor = tree_scores(self.order_trees, known, raw=True).reshape(len(stored), learned)
        if periods > learned and self.renewal_trees is not None:
            further = period_inputs(inputs, np.arange(learned - 1.0, periods))
            simulated = tree_scores(self.renewal_trees, further, raw=True).reshape(len(stored), -1)
            factor = np.hstack([factor, factor[:, -1:] + simulated[:, 1:] - simulated[:, :1]])
        return np.asarray(expected_periods(self.header.orders, stored, periods) * np.exp(factor - self.header.order_level))

    @property
    def frame_inputs(self) -> dict[str, Literal["double"]]:
        """Columns of `predict_frame`, for the tracker's signature."""
        return dict.fromkeys(CUSTOMER.columns, "double")

    @property
    def frame_outputs(self) -> dict[str, Literal["double"]]:
        """Columns that `predict_frame` answers with."""
        return dict.fromkeys(
            ("predicted_orders", "predicted_clv", "predicted_clv_low", "predicted_clv_high", "probability_alive"), "double"
        )

    def predict_frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A year's value for a pandas frame with the stored features as columns."""
        scores = self.score(frame[list(CUSTOMER.columns)].to_numpy(dtype=np.float64))
        return type(frame)({name: getattr(scores, name) for name in self.frame_outputs}, index=frame.index)

    def save(self, folder: Path, manifest: Manifest) -> Manifest:
        """Write as LightGBM text and JSON."""
        texts = {"orders.txt": self.order_trees.model_to_string(), "header.json": self.header.model_dump_json(indent=1)}
        for name, trees in (("renewal.txt", self.renewal_trees), ("amounts.txt", self.amount_trees)):
            if trees is not None:
                texts[name] = trees.model_to_string()
        return write_artifact(folder, manifest, texts=texts)

    @classmethod
    def load(cls, folder: Path) -> ValueModel:
        """Open and check.

        Raises:
            ArtifactBroken: damaged, of another format, or made for other features.
        """
        artifact = open_artifact(folder, kind=KIND, feature_set_hash=CUSTOMER.hash)
        header = ValueHeader.model_validate(artifact.json("header.json"))
        trees = {
            name: lgb.Booster(model_str=artifact.text(f"{name}.txt"))
            for name in ("orders", "renewal", "amounts")
            if f"{name}.txt" in artifact.manifest.files
        }
        return cls(header, trees["orders"], trees.get("renewal"), trees.get("amounts"), artifact.manifest)


def purchase_history(stored: Array) -> tuple[Array, Array, Array]:
    """Repeats, days from the first to the last order, days since the first, each (n,): what BG/NBD knows of a customer.

    Unknown ages count as zero; a customer without orders is one who has not come back yet.
    """
    age, silence = (np.nan_to_num(stored[:, _COLUMN[name]]) for name in ("days_since_first_order", "days_since_last_order"))
    repeats = np.maximum(np.nan_to_num(stored[:, _COLUMN["order_day_count"]]) - 1.0, 0.0)
    return repeats, np.maximum(age - silence, 0.0), np.maximum(age, silence)


def expected_periods(model: BgNbd, stored: Array, periods: int) -> Array:
    """BG/NBD's expected order days in each of the first periods, (n, periods), above zero."""
    ends = PERIOD_DAYS * np.arange(1.0, periods + 1.0)
    repeats, last, age = (np.repeat(part, periods) for part in purchase_history(stored))
    within = model.expected_orders(repeats, last, age, np.tile(ends, len(stored))).reshape(len(stored), periods)
    return np.maximum(np.diff(within, axis=1, prepend=0.0), _LEAST_ORDERS)


def period_inputs(inputs: Array, periods: Array) -> Array:
    """Inputs of the order trees, (n · periods, inputs + 1): each customer's once a period, the period's number last."""
    return np.hstack([np.repeat(inputs, len(periods), axis=0), np.tile(periods, len(inputs))[:, None]])


def day_amounts(stored: Array) -> tuple[Array, Array]:
    """Order days and the mean amount of one, both (n,): orders of one day are one."""
    days, orders, mean = (np.nan_to_num(stored[:, _COLUMN[name]]) for name in ("order_day_count", "order_count", "amount_mean"))
    return days, np.divide(orders * mean, days, out=np.zeros_like(days), where=days > 0)


def usual_amount(model: GammaGamma, stored: Array) -> Array:
    """Gamma–gamma's expected amount of a day with an order, (n,)."""
    return model.expected_amount(*day_amounts(stored))
