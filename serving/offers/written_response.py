"""What a response to written offers is: its chance without being sent, and what it leaves, of many offers at once, by the models.

P₀ is P(an order with one of the offer's products within the horizon): products of a category that the customer buys share its chance,
others are taken as independent; without products, P(any order). The margin is the offer's own where it says one, else of the products, as
many as the customer usually takes, or of the customer's mean basket at the assumed rate.

The item model knows who likes what, the repurchase model when a category is needed again: the products of such a category share its chance
by their own, as alternatives to each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.customer_context import CustomerContext
from serving.offers.within import all_sooner, all_within
from serving.offers.written_columns import WrittenColumns
from training.artifacts.logistic_map import sigmoid

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class WrittenResponses:
    """Of k offers.

    Attributes:
        probability: (k,) P₀.
        soon: (k,) the same within the context's `soon_days`.
        valid: (k,) the same within the days for which the offer can be used, at most the horizon.
        margin: (k,) money that one response leaves before the discount.
        discount: (k,) money that one response gives away.
        known: (k,) False where an offer gives money away and nobody can say how often that would happen anyway: it is not made.
        scores: (products,) P(bought within the horizon) of each product of the offers, one after the other, in the columns' order.
        first: (k + 1,) where each offer's scores begin.
    """

    probability: Array
    soon: Array
    valid: Array
    margin: Array
    discount: Array
    known: NDArray[np.bool_]
    scores: Array
    first: Places


def written_responses(context: CustomerContext, places: Places) -> WrittenResponses:
    """Predict them.

    Args:
        context: the customer.
        places: (k,) of those asked about, in `Live.written`.
    """
    columns, count = context.live.written, len(places)
    named = columns.counts[places]
    first = np.concatenate([[0], np.cumsum(named)]).astype(np.intp)
    rows = np.arange(first[-1], dtype=np.intp) + np.repeat(columns.first[places] - first[:-1], named)
    scores = _scores(context, columns.position[rows])
    days = np.minimum(columns.valid_for(places, context.now), float(context.horizon_days))
    chance, soon, valid, margin, paid = (np.zeros(count) for _ in range(5))
    known = np.ones(count, np.bool_)
    about = named > 0
    if about.any():
        if context.live.models.items is None:
            known[about] = False
        else:
            named_days = np.repeat(days, named)
            likely = _by_category(context, columns.category[rows], scores, named_days)
            whole = columns.types[places[about]] == "bundle"
            found = _of_products(columns, rows, likely, first[:-1][about], whole=whole, taken=_taken(context, columns.category[rows]))
            chance[about], soon[about], valid[about], margin[about], paid[about] = found
    if not about.all():
        basket = _of_basket(context)
        if basket is None:
            known[~about] = False
        else:
            chance[~about], soon[~about], margin[~about], paid[~about] = basket
            valid[~about] = _orders_within(context, days[~about])
    own = columns.margin[places]
    discount = columns.discount[places]
    return WrittenResponses(
        chance,
        soon,
        valid,
        np.where(np.isnan(own), margin, own),
        np.where(discount > 0, discount, columns.discount_share[places] * paid),
        known | ~columns.gives[places],
        scores,
        first,
    )


def _scores(context: CustomerContext, position: Places) -> Array:
    """Each product's own chance; 0 for one that the item model does not know."""
    scores = np.zeros(len(position))
    known = np.flatnonzero(position >= 0)
    logits = context.likings.item_logits_at(position[known]) if len(known) else None
    if logits is not None:
        scores[known] = all_within(sigmoid(logits).astype(np.float64), context.horizon_days)
    return scores


@dataclass(frozen=True)
class _Likely:
    """Of m products: each one's chance within the horizon, soon, and while its offer can be used; whether it shares its category's."""

    chance: Array
    soon: Array
    valid: Array
    shared: NDArray[np.bool_]


def _of_products(
    columns: WrittenColumns, rows: Places, likely: _Likely, starts: Places, *, whole: NDArray[np.bool_], taken: Array
) -> tuple[Array, Array, Array, Array, Array]:
    """Chance, also soon and while valid, margin and paid amount: a bundle sells all of its products, anything else what the chances say."""
    begins = columns.begins_category[rows] | ~likely.shared
    begins[starts] = True
    groups = np.flatnonzero(begins)
    firsts = np.searchsorted(groups, starts)

    def of_any(each: Array) -> Array:
        alike = np.minimum(np.add.reduceat(each, groups), 1.0)
        return np.asarray(1.0 - np.multiply.reduceat(1.0 - alike, firsts))

    chance = of_any(likely.chance)
    counts = np.diff(np.append(starts, len(rows)))
    each = np.repeat(chance, counts)
    weights = np.where(np.repeat(whole, counts), 1.0, np.divide(likely.chance, each, out=np.zeros_like(each), where=each > 0))
    never = chance <= 0  # of a model that answers NaN it is not: that is for the rules to say
    margin, paid = (np.add.reduceat(weights * taken * money[rows], starts) for money in (columns.product_margin, columns.price))
    soon, valid = of_any(likely.soon), of_any(likely.valid)
    return (
        np.where(never, 0.0, chance),
        np.where(never, 0.0, soon),
        np.where(never, 0.0, valid),
        np.where(never, 0.0, margin),
        np.where(never, 0.0, paid),
    )


def _taken(context: CustomerContext, category: Places) -> Array:
    """How many of each of m products the customer takes at a time."""
    usual = context.likings.usual_quantity
    return np.where(category >= 0, usual[category], 1.0) if len(usual) else np.ones(len(category))


def _by_category(context: CustomerContext, category: Places, scores: Array, days: Array) -> _Likely:
    """Chances of products: by themselves, or their part of what is due of a category that the customer buys.

    Args:
        context: the customer.
        category: (m,) of each.
        scores: (m,) P(bought within the horizon), each by itself.
        days: (m,) for which each one's offer can be used.
    """
    early = all_sooner(scores, context.horizon_days, context.soon_days)
    while_valid = all_sooner(scores, context.horizon_days, days)
    due, due_soon, liked = context.likings.due_chances, context.likings.due_chances_soon, context.likings.liked
    if due is None or due_soon is None or liked is None:
        return _Likely(scores, early, while_valid, np.zeros(len(scores), np.bool_))
    chance, chance_soon, together = due[category], due_soon[category], liked[category]
    shared = (category >= 0) & (together > 0) & ~np.isnan(chance)
    part = np.divide(scores, together, out=np.zeros_like(scores), where=shared)
    part = np.minimum(1.0, part)
    while_valid = np.where(shared, context.likings.due_within(category, days) * part, while_valid)
    return _Likely(np.where(shared, chance * part, scores), np.where(shared, chance_soon * part, early), while_valid, shared)


def _orders_within(context: CustomerContext, days: Array) -> Array:
    """P(any order within each of (k,) days); few of them differ."""
    each, place = np.unique(days, return_inverse=True)
    return np.array([context.orders_within(one) or 0.0 for one in each.tolist()], np.float64)[place]


def _of_basket(context: CustomerContext) -> tuple[float, float, float, float] | None:
    """What any order is: the customer's mean basket."""
    if context.customer is None or context.p_order is None or context.p_order_soon is None:
        return None
    basket = context.usual_basket
    return context.p_order, context.p_order_soon, basket * context.live.catalogue.assumptions.margins.default, basket
