"""Back in stock: what the customer bought before or asked for can be had again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from features.offers.offer import Offer
from serving.customer_context import CustomerContext
from serving.offers.protocol import Candidate, OfferReason
from serving.offers.terms import Objection, asks_for_products
from serving.offers.written import Written

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

    def candidates(self, context: CustomerContext) -> list[Candidate]:  # noqa: ARG002 - the models make none
        """Only the shop makes them."""
        return []

    def written(self, context: CustomerContext) -> Written | None:
        """Those of what the customer wants; while it is still sold out, eligibility drops them."""
        if context.customer is None:
            return None
        columns, customer = context.live.written, context.customer
        wanted = [*customer.recent.product_ids.tolist(), *customer.looked.product_ids.tolist()]
        needs = {tag.removeprefix(_NEED) for tag in customer.tags if tag.startswith(_NEED)}
        found = set(columns.naming(self.name, wanted).tolist())
        if needs:
            found |= {p for p in columns.of_type.get(self.name, ()) if not needs.isdisjoint(self._names(context, columns.products(p)))}
        return Written(np.array(sorted(found), np.intp), lambda _: (_REASON,))

    @staticmethod
    def _names(context: CustomerContext, product_ids: tuple[str, ...]) -> Iterator[str | None]:
        """What a product may be called by who asks for it: its id, its category, its name."""
        catalogue = context.live.catalogue
        return (name for p in product_ids for name in (p, catalogue.category_of(p), catalogue.name(p)))

    def demand(self, offer: Offer) -> Objection | None:
        """What came back."""
        return asks_for_products(offer)
