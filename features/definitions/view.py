"""What a feature view is."""

from __future__ import annotations

from collections.abc import Callable
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
