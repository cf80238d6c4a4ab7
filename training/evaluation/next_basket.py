"""Measures of a predicted basket as "A Next Basket Recommendation Reality Check" takes them (Li et al., TOIS 2023).

Recall, NDCG whose ideal list is *not* cut at k, and PHR (the personal hit ratio: was anything right), each over all users; recall and hits
apart for what the user had bought before (repeat) and had not (explore), over the users whose basket holds any such item. Positions count
in the whole list of k: an explored item must push out repeated ones to be found.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from training.evaluation.ranking import NONE, membership

Floats = NDArray[np.float64]


def score_baskets(
    recommended: NDArray[np.int64], basket: sparse.csr_matrix, owned: sparse.csr_matrix, *, cuts: Sequence[int] = (10, 20)
) -> dict[str, Floats]:
    """Judge one method's lists.

    Args:
        recommended: `(n, k)` items, best first, `NONE` for empty places.
        basket: CSR `(n, items)`, what was bought; at least one item a row.
        owned: CSR `(n, items)`, what the user had bought before.
        cuts: the k of recall@k and so on.

    Returns:
        measure → `(n,)`; NaN where it is not defined for the user: `recall_k`, `ndcg_k`, `phr_k`, `repeat_recall_k`, `explore_recall_k`,
        `repeat_phr_k`, `explore_phr_k`, `repeat_share_k`.
    """
    hits, known = membership(recommended, basket), membership(recommended, owned)
    wanted = np.diff(basket.indptr)
    wanted_again = np.asarray(basket.multiply(owned != 0).astype(bool).sum(axis=1), np.int64).ravel()
    discounts = 1.0 / np.log2(np.arange(2, 2 + max(int(wanted.max(initial=1)), recommended.shape[1])))
    ideal = np.cumsum(discounts)[wanted - 1]
    measures: dict[str, Floats] = {}
    for k in cuts:
        top, again = hits[:, :k], known[:, :k]
        measures[f"recall_{k}"] = np.asarray(top.sum(axis=1) / wanted, np.float64)
        measures[f"ndcg_{k}"] = np.asarray(top @ discounts[: top.shape[1]] / ideal, np.float64)
        measures[f"phr_{k}"] = np.asarray(top.any(axis=1), np.float64)
        measures |= _part("repeat", k, top & again, wanted_again)
        measures |= _part("explore", k, top & ~again, wanted - wanted_again)
        places = (recommended[:, :k] != NONE).sum(axis=1)
        measures[f"repeat_share_{k}"] = np.asarray(again.sum(axis=1) / np.maximum(places, 1), np.float64)
    return measures


def _part(name: str, k: int, hits: NDArray[np.bool_], wanted: NDArray[np.int64]) -> dict[str, Floats]:
    """Recall and hits among a part of the basket, NaN where the basket has no such part."""
    any_wanted = wanted > 0
    recall = np.where(any_wanted, hits.sum(axis=1) / np.maximum(wanted, 1), np.nan)
    return {f"{name}_recall_{k}": recall, f"{name}_phr_{k}": np.where(any_wanted, hits.any(axis=1), np.nan)}
