"""Back in stock: what the customer bought before or asked for can be had again."""

from __future__ import annotations

from dataclasses import dataclass

from features.offers.offer import Offer
from serving.customer_context import CustomerContext
from serving.offers.protocol import Candidate, OfferReason
from serving.offers.terms import Objection, asks_for_products
from serving.offers.written import written_offer

_NEED = "need:"  # kind of a tag by which a customer stated a need
_REASON = OfferReason(
    "wanted", "Bought it before or asked for it, and it is in stock again", "曾购买或提出过需求,现已到货", "Back in stock", "已到货"
)


@dataclass(frozen=True)
class BackInStockOffers:
    """Written offers. Who bought or asked for one of the products is told, and of those who never ordered who looked at one.

    Which products a buyer looked at is not kept online one by one.
    """

    name: str = "back_in_stock"

    def candidates(self, context: CustomerContext) -> list[Candidate]:
        """Those of what the customer wants; while it is still sold out, eligibility drops them."""
        if context.customer is None:
            return []
        wanted = {*context.customer.recent.product_ids.tolist(), *context.customer.looked.product_ids.tolist()}
        wanted |= {tag.removeprefix(_NEED) for tag in context.customer.tags if tag.startswith(_NEED)}
        found = [one.offer for one in context.live.offers.of_type(self.name) if self._wants(context, one.offer, wanted)]
        return [candidate for offer in found if (candidate := written_offer(context, offer, _REASON)) is not None]

    @staticmethod
    def _wants(context: CustomerContext, offer: Offer, wanted: set[str]) -> bool:
        names = (name for p in offer.product_ids for name in (p, context.live.catalogue.category_of(p), context.live.catalogue.name(p)))
        return not wanted.isdisjoint(names)

    def demand(self, offer: Offer) -> Objection | None:
        """What came back."""
        return asks_for_products(offer)
