"""A tiny value model, whose trees learned that short gaps between orders go on."""

from __future__ import annotations

from pathlib import Path

import lightgbm as lgb
import numpy as np

from features.feature_sets import CUSTOMER
from training.artifacts.bgnbd import BgNbd
from training.artifacts.folder import Manifest
from training.artifacts.gamma_gamma import GammaGamma
from training.artifacts.hazard_path import HazardPath
from training.artifacts.value import PERIODS, Spread, ValueHeader, ValueModel, expected_periods, period_inputs


def save_value(folder: Path, people: np.ndarray, manifest: Manifest) -> None:
    """Grow and save it.

    Args:
        folder: where.
        people: (n, features) of customers.
        manifest: of the artifact.
    """
    path, orders = HazardPath(CUSTOMER), BgNbd(r=0.5, alpha=10.0, a=0.8, b=2.5)
    rows = period_inputs(path.at(people, 0), np.arange(float(PERIODS)))
    wanted = np.repeat(28.0 / people[:, CUSTOMER.columns.index("gap_mean")], PERIODS)
    label = np.log(wanted / expected_periods(orders, people, PERIODS).ravel())
    parameters = {"objective": "regression", "num_leaves": 7, "seed": 1, "deterministic": True, "num_threads": 1, "verbose": -1}
    trees = lgb.train(parameters, lgb.Dataset(rows, label, feature_name=[*path.inputs, "period"]), num_boost_round=25)
    header = ValueHeader(
        orders=orders, learned_periods=PERIODS, amounts=GammaGamma(p=4.0, q=3.0, v=20.0), spread=Spread(order=1.5, customer=0.02)
    )
    worth = ValueModel(header, trees, None, None).score(people).predicted_clv
    quantiles = np.quantile(worth, np.linspace(0, 1, 101)).tolist()
    ValueModel(header.model_copy(update={"clv_quantiles": quantiles}), trees, None, None).save(folder, manifest)
