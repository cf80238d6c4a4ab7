"""Item: a few products the customer has not bought and may like; for somebody unknown, what most people buy."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from serving.customer_context import CustomerContext
from serving.offers.protocol import Candidate, OfferItem, OfferReason
from serving.offers.within import within
from serving.offers.written import Written, every_written

_LIKED = OfferReason(
    "new_for_you",
    "New to the customer, and liked by customers with the same purchases",
    "顾客尚未购买,购买习惯相似的顾客喜欢",
    "You may like this",
    "您可能喜欢",
)
_LOOKED_AT = OfferReason(
    "looked_at_alike",
    "Never ordered; close to what the customer looked at lately",
    "顾客尚未下单,与其近期浏览的商品相近",
    "You may like this",
    "您可能喜欢",
)
_POPULAR = OfferReason("popular", "Bought by many customers lately", "近期热销", "Popular right now", "近期热销")


@dataclass(frozen=True)
class ItemOffers:
    """One offer of a few products: one message costs once, however many products it shows.

    Attributes:
        shown: products in the message; four fit on one screen of a chat or a mini-programme.
    """

    name: str = "item"
    shown: int = 4

    def candidates(self, context: CustomerContext) -> list[Candidate]:
        """What the model thinks of."""
        return self._of_model(context)

    def written(self, context: CustomerContext) -> Written | None:
        """What the shop wrote."""
        return every_written(context, self.name)

    def _of_model(self, context: CustomerContext) -> list[Candidate]:
        """At most one candidate.

        The response is buying at least one of the products, taken as independent; the margin is what is then expected of all of them.
        """
        catalogue = context.live.catalogue
        best = context.likings.best_items(self.shown, explore=True)
        if not best:
            return []
        days = context.horizon_days
        items = tuple(OfferItem(one.product_id, catalogue.name(one.product_id), within(one.probability, days)) for one in best)
        response = 1.0 - prod(1.0 - item.score for item in items)
        expected = sum(item.score * catalogue.margin(item.product_id) for item in items)
        return [
            Candidate(
                offer_id=f"{self.name}:{items[0].product_id}",
                type=self.name,
                items=items,
                probability=response,
                margin=expected / response if response > 0 else 0.0,
                reasons=(_why(context),),
                until=None,
                channels=tuple(catalogue.assumptions.consent.channels),
            )
        ]


def _why(context: CustomerContext) -> OfferReason:
    if context.buyer is not None:
        return _LIKED
    return _LOOKED_AT if context.customer is not None and len(context.customer.looked) else _POPULAR
