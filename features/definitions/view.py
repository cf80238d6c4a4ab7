"""What a feature view is, and what it gives where nothing of its kind ever happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import ibis

from features.engine import Shop


@dataclass(frozen=True)
class FeatureView:
    """A group of features of one entity, computed from one kind of fact.

    Attributes:
        name: name of the view in Feast and of its offline file.
        keys: the entity's key columns, e.g. `("customer_id",)`.
        features: feature → what it says, with its unit. The order is the order of the columns.
        build: (shop, spine) → table with `keys`, `as_of` and the features, one row per spine row. The spine holds `keys` and `as_of`
            (timestamp, UTC). Only facts with a time <= `as_of` may be seen.
    """

    name: str
    keys: tuple[str, ...]
    features: dict[str, str]
    build: Callable[[Shop, ibis.Table], ibis.Table]


UNKNOWN_WITHOUT = ("days_since_", "mean_", "last_")  # how features begin that say nothing before the first event


def never_happened(spine: ibis.Table, features: Iterable[str]) -> ibis.Table:
    """What a view over running sums gives where its tables hold no row, without a window over anything.

    Counts and sums are 0; days since something, means and last values are null.

    Args:
        spine: `customer_id`, `as_of`.
        features: their names; those of `UNKNOWN_WITHOUT` begin so and are null.
    """
    nothing, unknown = ibis.literal(0).cast("float64"), ibis.null().cast("float64")
    values = {name: unknown if name.startswith(UNKNOWN_WITHOUT) else nothing for name in features}
    return spine.select("customer_id", "as_of", **values)
