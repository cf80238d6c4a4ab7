"""Users, bundles and items without dates: who took which bundle and which items, and what each bundle holds."""

from __future__ import annotations

from dataclasses import dataclass, replace

from scipy import sparse


@dataclass(frozen=True)
class BundlePairs:
    """Three binary matrices over the same users, bundles and items.

    Attributes:
        bought: CSR `(n_users, n_bundles)` float32 of ones.
        items: CSR `(n_users, n_items)` float32 of ones; no entry, or no column at all, where nothing is known.
        contents: CSR `(n_bundles, n_items)` float32 of ones; likewise.
    """

    bought: sparse.csr_matrix
    items: sparse.csr_matrix
    contents: sparse.csr_matrix

    def knowing(self, bought: sparse.csr_matrix) -> BundlePairs:
        """The same users and contents where only these pairs were known."""
        return replace(self, bought=bought)
