from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from training.artifacts.category_path import CATEGORY_INPUTS, CUSTOMER_INPUTS, TREE_INPUTS
from training.datasets.category_rows import CategorySnapshots, category_rows, naive

START = datetime(2023, 1, 1, tzinfo=UTC)


def snapshots(*pairs: tuple[int, float]) -> CategorySnapshots:
    """Pairs given as (week of the as-of date, days until the next purchase)."""
    n = len(pairs)
    category = np.zeros((n, len(CATEGORY_INPUTS)))
    category[:, CATEGORY_INPUTS.index("days_since_last_purchase")] = np.arange(n)
    return CategorySnapshots(
        category=category,
        customer=np.ones((n, len(CUSTOMER_INPUTS))),
        as_of=np.array([naive(START + timedelta(weeks=week)) for week, _ in pairs]),
        customer_code=np.arange(n),
        wait=np.array([wait for _, wait in pairs]),
        next_quantity=np.ones(n),
    )


def test_label_is_a_purchase_within_the_step() -> None:
    inputs, label = category_rows(
        snapshots((0, 6.9), (0, 7.0), (0, 7.1), (0, np.inf)), until=START + timedelta(days=7), leads=[(0, 1.0)], seed=1
    )
    assert label.tolist() == [1.0, 1.0, 0.0, 0.0]
    assert inputs.shape == (4, len(TREE_INPUTS))


def test_a_lead_holds_only_pairs_not_bought_meanwhile_and_rolls_them() -> None:
    inputs, label = category_rows(snapshots((0, 3.0), (0, 10.0), (0, 20.0)), until=START + timedelta(days=14), leads=[(1, 1.0)], seed=1)
    assert label.tolist() == [1.0, 0.0]
    assert inputs[:, TREE_INPUTS.index("lead")].tolist() == [1.0, 1.0]
    assert inputs[:, TREE_INPUTS.index("days_since_last_purchase")].tolist() == [1 + 7, 2 + 7]


def test_no_label_looks_past_until() -> None:
    pairs = snapshots((0, 1.0), (1, 1.0), (2, 1.0))
    for weeks in (0, 1, 2, 3):
        _, label = category_rows(pairs, until=START + timedelta(weeks=weeks), leads=[(0, 1.0)], seed=1)
        assert len(label) == weeks


def test_the_sample_follows_the_share_and_the_seed() -> None:
    pairs = snapshots(*[(0, 5.0)] * 2000)
    first, again, other = (category_rows(pairs, until=START + timedelta(weeks=1), leads=[(0, 0.3)], seed=s)[0] for s in (1, 1, 2))
    assert 500 < len(first) < 700
    assert np.array_equal(first, again, equal_nan=True)
    assert not np.array_equal(first, other, equal_nan=True)
