"""The rows of `huitou evaluate items`."""

from __future__ import annotations

import numpy as np

from training.datasets.bundle_pairs import BundlePairs
from training.models.item_knn import ItemKnnSettings, fit_item_knn
from training.studies.pair_lists.contender import NoSettings, Scored, Scorer, popularity
from training.studies.pair_lists.factorised import als, ease
from training.studies.tuning import Between, Space

OWN = "tuned ALS"

_KNN_SPACE: Space = {
    "neighbours": Between(10, 1000, log=True, whole=True),
    "shrink": Between(0.1, 1000.0, log=True),
    "popularity_exponent": Between(0.0, 1.0),
}


def fit_knn(pairs: BundlePairs, settings: ItemKnnSettings, _seed: int, _threads: int) -> Scorer:
    """Item neighbours as a scorer."""
    likeness = fit_item_knn(pairs.bought, settings)
    return lambda rows: np.asarray((pairs.bought[rows] @ likeness).toarray(), np.float32)


CONTENDERS = (
    Scored("popularity", NoSettings(), popularity),
    Scored("item kNN", ItemKnnSettings(), fit_knn, _KNN_SPACE),
    ease("EASE"),
    als(OWN),
)
