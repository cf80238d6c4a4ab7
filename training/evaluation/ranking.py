"""Measures of ranked lists, per customer, and their intervals by a bootstrap over customers.

Every measure comes back as one value per customer, so that means, intervals and paired differences are taken over the same rows.
Recall and NDCG as in the papers that cut the ideal DCG at k (Järvelin and Kekäläinen 2002; docs/evidence.md, "Bundles").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

RESAMPLES = 1000  # the 2.5 % quantile of 1,000 resamples is stable to about a twentieth of the interval's width
NONE = -1  # fills a list that is shorter than k
_CELLS = 8_000_000  # scores held at once when lists are made for many rows: 32 MB


def top_k(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Columns of the k largest scores of each row, best first; `NONE` where the score is -inf (nothing left to rank).

    Args:
        scores: `(rows, columns)`.
        k: > 0; lists are shorter when there are fewer columns.
    """
    k = min(k, scores.shape[1])
    part = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    values = np.take_along_axis(scores, part, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    best = np.take_along_axis(part, order, axis=1)
    return np.where(np.isneginf(np.take_along_axis(values, order, axis=1)), NONE, best)


def ranked_lists(
    scorer: Callable[[NDArray[np.int64]], NDArray[np.float32]],
    owned: sparse.csr_matrix,
    rows: NDArray[np.int64],
    k: int,
    *,
    fallback: NDArray[np.float32] | None = None,
) -> NDArray[np.int64]:
    """The k best columns that a row does not own, made a block of rows at a time.

    Args:
        scorer: row numbers → a fresh `(rows, columns)` array of scores.
        owned: CSR `(all rows, columns)`; never recommended.
        rows: `(n,)` of `owned`.
        k: length of a list.
        fallback: `(columns,)` scores for rows of which the scorer says the same of every column, since it knows nothing of them.

    Returns:
        `(n, min(k, columns))`, best first, `NONE` where nothing is left.
    """
    step = max(_CELLS // max(owned.shape[1], 1), 1)
    lists = []
    for start in range(0, len(rows), step):
        block = rows[start : start + step]
        scores = scorer(block)
        if fallback is not None:
            scores[np.ptp(scores, axis=1) == 0] = fallback
        scores[owned[block].nonzero()] = -np.inf
        lists.append(top_k(scores, k))
    return np.concatenate(lists) if lists else np.empty((0, min(k, owned.shape[1])), np.int64)


def membership(recommended: NDArray[np.int64], pairs: sparse.csr_matrix) -> NDArray[np.bool_]:
    """Whether each recommended column is among the row's pairs; `(rows, k)`, False for `NONE`."""
    rows, width = pairs.shape
    pairs = sparse.csr_matrix(pairs, copy=True)
    pairs.sum_duplicates()  # also sorts within rows, so the keys below ascend
    keys = np.repeat(np.arange(rows), np.diff(pairs.indptr)) * width + pairs.indices
    if not len(keys):
        return np.zeros(recommended.shape, np.bool_)
    asked = np.arange(rows)[:, None] * width + recommended
    found = keys[np.minimum(np.searchsorted(keys, asked), len(keys) - 1)] == asked
    return np.asarray(found & (recommended != NONE), np.bool_)


def recall_at(hits: NDArray[np.bool_], wanted: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """Share of what the customer wanted that the first k places hold; `wanted` must be > 0."""
    return np.asarray(hits[:, :k].sum(axis=1) / wanted, np.float64)


def ndcg_at(hits: NDArray[np.bool_], wanted: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """Normalised discounted cumulative gain, binary relevance, the ideal list cut at k; `wanted` must be > 0."""
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discounts)[np.minimum(wanted, k) - 1]
    gained = hits[:, :k] @ discounts[: hits[:, :k].shape[1]]
    return np.asarray(gained / ideal, np.float64)


def hit_rate_at(hits: NDArray[np.bool_], k: int) -> NDArray[np.float64]:
    """1 where at least one of the first k places was wanted, else 0."""
    return np.asarray(hits[:, :k].any(axis=1), np.float64)


def repeat_share_at(repeats: NDArray[np.bool_], recommended: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """Share of the first k places (empty ones left out) that the customer had bought before; 0 for an empty list."""
    places = (recommended[:, :k] != NONE).sum(axis=1)
    return np.asarray(repeats[:, :k].sum(axis=1) / np.maximum(places, 1), np.float64)


def coverage_at(recommended: NDArray[np.int64], columns: int, k: int) -> float:
    """Share of all columns that somebody is recommended within the first k places."""
    shown = np.unique(recommended[:, :k])
    return float((shown != NONE).sum() / columns)


@dataclass(frozen=True)
class RankingScores:
    """Measures of one method.

    Attributes:
        by_customer: measure → `(n,)` value per judged customer.
        overall: measures of the whole, e.g. `coverage_10`.
    """

    by_customer: Mapping[str, NDArray[np.float64]]
    overall: Mapping[str, float]

    def means(self) -> dict[str, float]:
        """Mean of every measure over the judged customers, and the measures of the whole."""
        return {**{name: float(values.mean()) for name, values in self.by_customer.items()}, **self.overall}

    def named(self, prefix: str) -> RankingScores:
        """The same measures with `prefix` before every name."""
        return RankingScores(
            {prefix + name: values for name, values in self.by_customer.items()},
            {prefix + name: value for name, value in self.overall.items()},
        )


def score_rankings(
    recommended: NDArray[np.int64],
    relevant: sparse.csr_matrix,
    wanted: NDArray[np.int64],
    owned: sparse.csr_matrix,
    *,
    cuts: Sequence[int],
) -> RankingScores:
    """Judge one method's lists.

    Args:
        recommended: `(n, k)` columns, best first, `NONE` for empty places.
        relevant: CSR `(n, columns)`, what was wanted.
        wanted: `(n,)` how many were wanted, those outside the columns included; rows with 0 are not judged.
        owned: CSR `(n, columns)`, what was bought before.
        cuts: the k of recall@k and so on, ascending.

    Returns:
        `recall_k`, `ndcg_k`, `hit_k`, `repeat_share_k` per judged customer and `coverage_k`.
    """
    judged = np.flatnonzero(wanted > 0)
    lists, wanted = recommended[judged], wanted[judged]
    hits, repeats = membership(lists, relevant[judged]), membership(lists, owned[judged])
    by_customer: dict[str, NDArray[np.float64]] = {}
    overall: dict[str, float] = {}
    for k in cuts:
        by_customer[f"recall_{k}"] = recall_at(hits, wanted, k)
        by_customer[f"ndcg_{k}"] = ndcg_at(hits, wanted, k)
        by_customer[f"hit_{k}"] = hit_rate_at(hits, k)
        by_customer[f"repeat_share_{k}"] = repeat_share_at(repeats, lists, k)
        overall[f"coverage_{k}"] = coverage_at(lists, relevant.shape[1], k)
    return RankingScores(by_customer, overall)


def bootstrap_interval(values: NDArray[np.float64], *, seed: int, resamples: int = RESAMPLES) -> tuple[float, float]:
    """95 % percentile interval of the mean when customers are drawn with replacement; see `bootstrap_intervals`."""
    return bootstrap_intervals([values], seed=seed, resamples=resamples)[0]


def bootstrap_intervals(series: Sequence[NDArray[np.float64]], *, seed: int, resamples: int = RESAMPLES) -> list[tuple[float, float]]:
    """95 % percentile intervals of several means when customers are drawn with replacement, all from the same draws.

    Handing in the difference of two methods on the same customers gives the paired interval.

    Args:
        series: arrays of one length, a value a customer.
        seed: of the draws.
        resamples: how often all customers are drawn.
    """
    random = np.random.default_rng(seed)
    stacked = np.stack(series)
    n = stacked.shape[1]
    means = np.array([stacked[:, random.integers(0, n, n)].mean(axis=1) for _ in range(resamples)])
    return [(float(low), float(high)) for low, high in np.quantile(means, (0.025, 0.975), axis=0).T]
