"""Content: an article or a video of the shop's, whose products may be bought behind it."""

from __future__ import annotations

from dataclasses import dataclass

from features.offers.offer import Offer
from serving.customer_context import CustomerContext
from serving.offers.protocol import Candidate, OfferReason
from serving.offers.terms import Objection, asks_for_content
from serving.offers.written import Written, every_written

_REASON = OfferReason("content", "Content of the shop", "商家内容")


@dataclass(frozen=True)
class ContentOffers:
    """Written offers, and those that the shop's content makes (`serving.offers.book`)."""

    name: str = "content"

    def candidates(self, context: CustomerContext) -> list[Candidate]:  # noqa: ARG002 - the models make none
        """Only the shop makes them."""
        return []

    def written(self, context: CustomerContext) -> Written | None:
        """Every one of them; somebody unknown may see them too."""
        return every_written(context, self.name, _REASON)

    def demand(self, offer: Offer) -> Objection | None:
        """Something to show."""
        return asks_for_content(offer)
