"""Categories that a customer never bought from and will probably come to: by the item model, and by what they looked at lately."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.artifacts.logistic_map import sigmoid

_KEPT = 4  # more than any message is about


@dataclass(frozen=True)
class NewNeed:
    """One of them.

    Attributes:
        category: place in `Live.item_categories`.
        propensity: P(at least one of its products that may be offered is bought within 28 days), products taken as independent.
        position: of its likeliest product in the item model.
        probability: of that product, within 28 days.
    """

    category: int
    propensity: float
    position: int
    probability: float


def new_needs_of(
    logits: NDArray[np.float32],
    mask: NDArray[np.bool_],
    categories: tuple[NDArray[np.str_], NDArray[np.int64]],
    known: Collection[str],
    *,
    looked: Mapping[int, float],
) -> tuple[NewNeed, ...]:
    """The likeliest, best first.

    Args:
        logits: (n,) of every product.
        mask: (n,) which may be offered.
        categories: `Live.item_categories`.
        known: categories the customer bought from.
        looked: place of each category they looked at lately → P(anything of it is bought within 28 days); it tells more than taste does.
    """
    names, of_product = categories
    chances = np.where(mask, sigmoid(logits), 0.0)
    for place, chance in looked.items():
        there = of_product == place
        chances[there] *= min(chance / max(float(chances[there].sum()), 1e-9), 1.0 / max(float(chances[there].max(initial=0.0)), 1e-9))
    stays_away = np.bincount(of_product, weights=np.log1p(-np.minimum(chances, 1.0 - 1e-9)), minlength=len(names))
    propensity = 1.0 - np.exp(stays_away)
    propensity[np.isin(names, ["", *known])] = 0.0
    found = []
    for place in np.argsort(-propensity, kind="stable")[:_KEPT].tolist():
        if propensity[place] > 0:
            position = int(np.argmax(np.where(of_product == place, chances, -1.0)))
            found.append(NewNeed(place, float(propensity[place]), position, float(chances[position])))
    return tuple(found)
