"""ALS is implicit's, bit for bit: nothing is added to what is wrapped."""

from __future__ import annotations

import numpy as np
import pytest
from implicit.cpu.als import AlternatingLeastSquares
from scipy import sparse
from threadpoolctl import threadpool_limits

from training.datasets.bundle_pairs import BundlePairs
from training.models.als import AlsSettings, fit_column_factors, fit_factors
from training.models.stacked_als import StackedAlsSettings, bundle_rows, fit_stacked_als


def weights(seed: int, rows: int = 60, columns: int = 25) -> sparse.csr_matrix:
    random = np.random.default_rng(seed)
    return sparse.csr_matrix(random.random((rows, columns)) * (random.random((rows, columns)) < 0.2), dtype=np.float32)


def bare(matrix: sparse.csr_matrix, settings: AlsSettings | StackedAlsSettings, seed: int) -> tuple[np.ndarray, np.ndarray]:
    model = AlternatingLeastSquares(
        factors=settings.factors,
        regularization=settings.regularization,
        alpha=settings.alpha,
        iterations=settings.iterations,
        num_threads=1,
        random_state=seed,
    )
    with threadpool_limits(1, "blas"):
        model.fit(matrix, show_progress=False)
    return model.user_factors, model.item_factors


@pytest.mark.parametrize("seed", [0, 7])
def test_factors_are_those_of_a_bare_fit(seed: int) -> None:
    settings = AlsSettings(factors=12, regularization=2.0, alpha=5.0, iterations=4)
    rows, columns = fit_factors(weights(seed), settings, seed=seed, threads=1)
    expected = bare(weights(seed), settings, seed)
    assert np.array_equal(rows, expected[0])
    assert np.array_equal(columns, expected[1])
    assert np.array_equal(fit_column_factors(weights(seed), settings, seed=seed, threads=1), expected[1])


def test_stacked_factors_are_those_of_a_bare_fit_of_the_block_matrix() -> None:
    random = np.random.default_rng(1)
    bought, items, contents = (sparse.csr_matrix((random.random(shape) < 0.3).astype(np.float32)) for shape in ((20, 8), (20, 15), (8, 15)))
    settings = StackedAlsSettings(factors=6, regularization=3.0, iterations=3)
    blocks = np.block(
        [
            [bought.toarray(), 0.39 * items.toarray()],
            [2.99 * np.eye(8), 0.84 * contents.toarray() * np.maximum(contents.sum(axis=1).A1, 1)[:, None] ** -0.061],
        ]
    )
    rows, columns = bare(sparse.csr_matrix(blocks.astype(np.float32)), settings, seed=5)
    found = fit_stacked_als(BundlePairs(bought, items, contents), settings, seed=5, threads=1)
    assert np.array_equal(np.concatenate([found.users, found.contents]), rows)
    assert np.array_equal(np.concatenate([found.bundles, found.items]), columns)


def test_without_contents_only_the_pairs_are_left() -> None:
    bought, nothing = weights(2), sparse.csr_matrix((25, 0), dtype=np.float32)
    rows = bundle_rows(nothing, StackedAlsSettings())
    assert rows.shape == (25, 25)
    assert rows.nnz == 25
    found = fit_stacked_als(BundlePairs(bought, sparse.csr_matrix((60, 0)), nothing), StackedAlsSettings(factors=4), seed=1, threads=1)
    assert found.bundles.shape == (25, 4)
    assert found.items.shape == (0, 4)
