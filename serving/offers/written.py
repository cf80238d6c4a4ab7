"""Candidates of the shop's written offers: their chance without being sent, and what a response leaves, by the models.

P₀ is P(an order with one of the offer's products within the horizon): products of a category that the customer buys share its chance,
others are taken as independent; without products, P(any order). The margin is the offer's own where it says one, else of the products, or
of the customer's mean basket at the assumed rate. Stock, dates, stages and conditions are judged later (`decisioning/eligibility.py`), so
that what falls is named.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from features.offers.offer import Offer
from serving.customer_context import CustomerContext
from serving.offers.protocol import VALID_FOR, Candidate, OfferItem, OfferReason
from serving.offers.within import within
from training.artifacts.logistic_map import sigmoid


@dataclass(frozen=True)
class _Response:
    """Its chance, what it leaves before the discount, and what it pays."""

    probability: float
    margin: float
    paid: float


def written_offers(context: CustomerContext, name: str, *reasons: OfferReason) -> list[Candidate]:
    """Candidates of every written offer of a type, by id.

    Args:
        context: the customer.
        name: of the type.
        reasons: why the type suits the customer now; that the shop wrote the offer is added.
    """
    return [
        candidate for one in context.live.offers.of_type(name) if (candidate := written_offer(context, one.offer, *reasons)) is not None
    ]


def written_offer(context: CustomerContext, offer: Offer, *reasons: OfferReason) -> Candidate | None:
    """One of them; None when it gives money away and nobody can say how often that would happen anyway."""
    items = _items(context, offer.product_ids)
    found = _of_products(context, items, whole=offer.type == "bundle") if items else _of_basket(context)
    gives = offer.discount > 0 or offer.discount_share > 0
    if found is None and gives:
        return None
    response = found or _Response(0.0, 0.0, 0.0)
    until = context.now + VALID_FOR
    return Candidate(
        offer_id=offer.offer_id,
        type=offer.type,
        items=items,
        probability=response.probability,
        margin=response.margin if offer.margin is None else offer.margin,
        reasons=(*reasons, _of_shop(offer)),
        valid_until=until if offer.ends_at is None else min(until, offer.ends_at),
        channels=offer.channels or tuple(context.live.catalogue.assumptions.consent.channels),
        discount=offer.discount or offer.discount_share * response.paid,
        cost=offer.cost,
        lever=offer.lever,
        offer=offer,
    )


def _items(context: CustomerContext, product_ids: Sequence[str]) -> tuple[OfferItem, ...]:
    """The products with their chances; 0 for one that the item model does not know."""
    items, logits, catalogue = context.live.models.items, context.item_logits, context.live.catalogue
    scores = [0.0] * len(product_ids)
    if items is not None and logits is not None and product_ids:
        positions, places = items.positions_of(product_ids)
        for place, score in zip(places.tolist(), sigmoid(logits[positions]).tolist(), strict=True):
            scores[place] = within(float(score), context.horizon_days)
    return tuple(OfferItem(p, catalogue.name(p), score) for p, score in zip(product_ids, scores, strict=True))


def _of_products(context: CustomerContext, items: tuple[OfferItem, ...], *, whole: bool) -> _Response | None:
    """What a response to products is: a bundle sells all of them, anything else what the chances say."""
    if context.live.models.items is None:
        return None
    catalogue = context.live.catalogue
    likely, chance = _by_category(context, items)
    if chance <= 0.0:
        return _Response(0.0, 0.0, 0.0)
    weights = [1.0 if whole else score / chance for score in likely]
    margin = sum(weight * catalogue.margin(item.product_id) for weight, item in zip(weights, items, strict=True))
    paid = sum(weight * catalogue.price(item.product_id) for weight, item in zip(weights, items, strict=True))
    return _Response(chance, margin, paid)


def _by_category(context: CustomerContext, items: tuple[OfferItem, ...]) -> tuple[list[float], float]:
    """Each product's chance, and that of any of them.

    The item model knows who likes what, the repurchase model when a category is needed again: the products of such a category share its
    chance by their own, as alternatives to each other.
    """
    catalogue, chances = context.live.catalogue, context.category_chances
    of = [catalogue.category_of(item.product_id) for item in items]
    due = {name for name in of if name is not None and name in chances}
    liked = _liked(context, due) if due else {}
    found, alike = [], dict[str, float]()
    for item, name in zip(items, of, strict=True):
        shared = name is not None and liked.get(name, 0.0) > 0.0
        score = chances[name] * min(1.0, item.score / liked[name]) if name is not None and shared else item.score
        found.append(score)
        key = name if name is not None and shared else item.product_id
        alike[key] = min(1.0, alike.get(key, 0.0) + score)
    return found, 1.0 - prod(1.0 - chance for chance in alike.values())


def _liked(context: CustomerContext, categories: set[str]) -> dict[str, float]:
    """Sum of the chances of every product of some categories that may be offered or not: what an offer of all of them is a part of."""
    items, logits = context.live.models.items, context.item_logits
    names, of_product = context.live.item_categories
    if items is None or logits is None:
        return dict.fromkeys(categories, 0.0)
    found = {}
    for place in np.flatnonzero(np.isin(names, list(categories))).tolist():
        scores = sigmoid(logits[of_product == place])
        found[str(names[place])] = sum(within(score, context.horizon_days) for score in scores.tolist())
    return {name: found.get(name, 0.0) for name in categories}


def _of_basket(context: CustomerContext) -> _Response | None:
    """What any order is: the customer's mean basket."""
    if context.customer is None or context.p_order is None:
        return None
    basket = context.customer.value("amount_mean")
    basket = basket if math.isfinite(basket) else 0.0
    return _Response(context.p_order, basket * context.live.catalogue.assumptions.margins.default, basket)


def _of_shop(offer: Offer) -> OfferReason:
    english, chinese = offer.title.get("en", ""), offer.title.get("zh", "")
    return OfferReason(
        "written_by_shop",
        f"Written by the shop: {english or offer.offer_id}",
        f"商家设置的优惠:{chinese or offer.offer_id}",
        english,
        chinese,
    )
