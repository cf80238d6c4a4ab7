"""Item-to-item neighbours: cosine of who took two items, shrunk where few did, the k nearest kept.

Sarwar et al., "Item-based collaborative filtering recommendation algorithms" (2001); the shrinkage as in Bell and Koren (2007). Tuned well
it is a hard baseline: Ferrari Dacrema, Cremonesi and Jannach, "Are we really making much progress?" (2019).
"""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy import sparse

_ROWS = 1024  # items whose neighbours are sought at once


class ItemKnnSettings(BaseModel):
    """What may be set.

    Attributes:
        neighbours: kept for each item.
        shrink: added to the product of norms: the likeness of rarely taken items counts less.
        popularity_exponent: of the neighbour's own norm; 0.5 is the cosine, less favours what many took.
    """

    model_config = ConfigDict(frozen=True)

    neighbours: int = 200
    shrink: float = 10.0
    popularity_exponent: float = 0.5


def fit_item_knn(pairs: sparse.csr_matrix, settings: ItemKnnSettings) -> sparse.csr_matrix:
    """Likeness of items, CSR `(items, items)` float32, `settings.neighbours` entries a row at most; a row's scores are `row @ likeness`.

    Args:
        pairs: CSR rows × items, binary.
        settings: see there.
    """
    taken = np.maximum(np.asarray(pairs.sum(axis=0)).ravel(), 1.0)
    own, other = taken**0.5, taken**settings.popularity_exponent
    across = pairs.T.tocsr()
    blocks = []
    for start in range(0, pairs.shape[1], _ROWS):
        stop = min(start + _ROWS, pairs.shape[1])
        block = (across[start:stop] @ pairs).tocoo()
        values = block.data / (own[start + block.row] * other[block.col] + settings.shrink)
        values[block.col == start + block.row] = 0.0  # an item is no neighbour of itself
        blocks.append(_nearest(sparse.csr_matrix((values, (block.row, block.col)), shape=block.shape), settings.neighbours))
    return sparse.vstack(blocks).tocsr().astype(np.float32)


def _nearest(likeness: sparse.csr_matrix, k: int) -> sparse.csr_matrix:
    """The k greatest entries of each row."""
    for start, stop in zip(likeness.indptr[:-1], likeness.indptr[1:], strict=True):
        if stop - start > k:
            values = likeness.data[start:stop]
            values[np.argpartition(values, stop - start - k)[: stop - start - k]] = 0.0
    likeness.eliminate_zeros()
    return likeness
