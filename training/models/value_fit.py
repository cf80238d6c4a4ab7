"""Fits the value model on snapshots and orders up to a moment; the recipe and the studies do so alike.

Orders: BG/NBD corrected by trees that learn from closed periods of four weeks, and from the return hazard's renewal simulation where no
label has closed yet. Amounts: gamma–gamma corrected by trees. Settings were chosen on Complete Journey as of 2017-07-02 and CDNOW as of
1997-10-01 with 91-day labels: more rounds help the grocer and harm CDNOW.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from features.errors import TooLittleHistory
from training.artifacts.bgnbd import BgNbd
from training.artifacts.gamma_gamma import GammaGamma
from training.artifacts.value import PERIOD_DAYS, PERIODS, Spread, ValueHeader, ValueModel, day_amounts, purchase_history, usual_amount
from training.datasets.hazard_rows import Snapshots
from training.datasets.order_periods import OrderDays
from training.datasets.snapshot_cuts import closed
from training.models.bgnbd import fit_bgnbd
from training.models.corrections import grow_correction
from training.models.gamma_gamma import fit_gamma_gamma
from training.models.renewal import PATH, fit_renewal
from training.models.trees import TreeConfig
from training.models.value_rows import PeriodRows, closed_rows, simulated_rows

Array = NDArray[np.float64]

_SPREAD_DAYS = (28.0, 91.0, 182.0)  # the spread is measured on those of them that have closed
_SPREAD_GROUPS = 20
_LEAST_SPREAD = 0.1  # orders that come more evenly than at random do so ten times at most
_LEAST_AMOUNT = 1e-3  # of the median amount: a gamma distribution knows no zero


class ValueConfig(TreeConfig):
    """Settings of the fit; provenance in the module's docstring.

    Attributes:
        rounds: trees of each correction.
        hazard: settings of the hazard that is simulated, as the return hazard's.
        max_snapshots: customers × weeks that a fit reads; of more, so many are drawn.
        max_rows: customer × period rows of the order trees.
        simulated_customers: customers simulated; of more, so many are drawn.
        paths: simulated years of each.
    """

    rounds: int = 150
    hazard: TreeConfig = TreeConfig()
    max_snapshots: int = 60_000
    max_rows: int = 100_000
    simulated_customers: int = 1_000
    paths: int = 4


def fit_value(snapshots: Snapshots, order_days: OrderDays, *, until: datetime, config: ValueConfig, seed: int) -> ValueModel:
    """Fit on what is known at `until`.

    Args:
        snapshots: stored features; as-of dates after `until` are not looked at.
        order_days: orders, none of them after `until`.
        until: last moment a label may look at.
        config: settings.
        seed: of sampling, simulation and trees.

    Raises:
        TooLittleHistory: no closed period of four weeks, or too few rows or returns.
    """
    known = snapshots.until(until)
    last = known.newest()
    orders, amounts = fit_bgnbd(*purchase_history(last.stored)), fit_amounts(last.stored)
    rows, learned = closed_rows(known, order_days, orders, until=until, most=config.max_rows, seed=seed)
    if not learned:
        raise TooLittleHistory("The value model needs a period of four weeks that has ended after a weekly as-of date.")
    model = ValueModel(
        header=ValueHeader(orders=orders, learned_periods=learned, amounts=amounts, spread=Spread(order=1.0, customer=0.0)),
        order_trees=_grow_orders(rows, config, seed=seed),
        renewal_trees=None if learned == PERIODS else _distill(known, last, order_days, orders, until=until, config=config, seed=seed),
        amount_trees=None if amounts is None else _grow_amounts(known, order_days, amounts, until=until, config=config, seed=seed),
    )
    model = _levelled(model, last.stored)
    model = _with(model, spread=_spread(model, known, order_days, until=until))
    return _with(model, clv_quantiles=np.quantile(model.score(last.stored).predicted_clv, np.linspace(0.0, 1.0, 101)).tolist())


def _levelled(model: ValueModel, stored: Array) -> ValueModel:
    """Take out the mean factor of the learned periods, and that of the amounts, over the newest customers, (n, features)."""
    learned = np.array([float(PERIOD_DAYS * model.header.learned_periods)])
    parametric = model.header.orders.expected_orders(*purchase_history(stored), float(learned[0]))
    expected = model.orders(stored, learned)[:, 0]
    levels = {"order_level": float(np.log(expected.sum() / parametric.sum()))}
    if model.header.amounts is not None:
        usual = usual_amount(model.header.amounts, stored)
        levels["amount_level"] = float(np.log((expected @ model.amount(stored)) / (expected @ usual)))
    return _with(model, **levels)


def _with(model: ValueModel, **header: object) -> ValueModel:
    return replace(model, header=model.header.model_copy(update=header))


def fit_amounts(stored: Array) -> GammaGamma | None:
    """Gamma–gamma of the amounts of customers' order days, from stored features (n, features); None where orders carry no amounts."""
    try:
        return fit_gamma_gamma(*day_amounts(stored))
    except TooLittleHistory:
        return None  # safe: the shop sells, but does not say for how much; orders are predicted all the same


def _grow_orders(rows: PeriodRows, config: TreeConfig, *, seed: int) -> lgb.Booster:
    names = (*PATH.inputs, "period")
    return grow_correction(rows.inputs, rows.label, rows.offset, config, names=names, seed=seed, objective="poisson")


def _distill(
    known: Snapshots, last: Snapshots, order_days: OrderDays, orders: BgNbd, *, until: datetime, config: ValueConfig, seed: int
) -> lgb.Booster:
    """The renewal simulation of some of the newest date's customers, as trees."""
    renewal = fit_renewal(known, order_days, until=until, config=config.hazard, seed=seed)
    drawn = np.sort(np.random.default_rng(seed).permutation(len(last.stored))[: config.simulated_customers])
    return _grow_orders(simulated_rows(renewal, last.stored[drawn], orders, paths=config.paths, seed=seed), config, seed=seed)


def _grow_amounts(
    known: Snapshots, order_days: OrderDays, amounts: GammaGamma, *, until: datetime, config: ValueConfig, seed: int
) -> lgb.Booster | None:
    """Factor on gamma–gamma's amount, learned from the mean amount of the order days of the next four weeks."""
    past = closed(known, PERIOD_DAYS, until)
    count, spend = order_days.within(past.customer_id, past.as_of, PERIOD_DAYS)
    some = (count > 0) & (spend > 0)
    if not some.any():
        return None  # safe: gamma–gamma's amount stands as it is
    mean = spend[some] / count[some]
    mean = np.maximum(mean, _LEAST_AMOUNT * float(np.median(mean)))
    stored = past.stored[some]
    offset = usual_amount(amounts, stored)
    return grow_correction(PATH.at(stored, 0), mean, offset, config, names=PATH.inputs, seed=seed, objective="gamma", weight=count[some])


def _spread(model: ValueModel, known: Snapshots, order_days: OrderDays, *, until: datetime) -> Spread:
    """Both parts of the variance, by least squares on squared errors of several horizons, each at the newest as-of date that has closed."""
    parts, squared = [], []
    for days in _SPREAD_DAYS:
        rows = closed(known, days, until)
        if not len(rows.wait):
            continue
        rows = rows.newest()
        _, spend = order_days.within(rows.customer_id, rows.as_of, days)
        expected, amount = model.orders(rows.stored, np.array([days]))[:, 0] * model.amount(rows.stored), model.amount(rows.stored)
        # By groups of equal expectation: single squared errors have tails that would decide alone.
        for group in np.array_split(np.argsort(expected, kind="stable"), _SPREAD_GROUPS):
            unit = float((amount * expected)[group].mean()) if len(group) else 0.0
            if unit > 0:
                parts.append([1.0, days])
                squared.append(float(((spend - expected)[group] ** 2).mean()) / unit)
    found, _ = nnls(np.array(parts), np.array(squared)) if parts else (np.zeros(2), 0.0)
    return Spread(order=float(max(found[0], _LEAST_SPREAD)), customer=float(found[1]))
