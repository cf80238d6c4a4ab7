"""Store visit: an appointment, or simply an invitation to come by."""

from __future__ import annotations

from dataclasses import dataclass

from features.offers.offer import Offer
from serving.customer_context import CustomerContext
from serving.offers.protocol import Candidate, OfferReason
from serving.offers.terms import Objection, asks_for_link
from serving.offers.written import Written, every_written

_REASON = OfferReason("store_visit", "Invited to a store", "邀请到店")


@dataclass(frozen=True)
class StoreVisitOffers:
    """Written offers with a deep link; what opens behind it is the shop's."""

    name: str = "store_visit"

    def candidates(self, context: CustomerContext) -> list[Candidate]:  # noqa: ARG002 - the models make none
        """Only the shop makes them."""
        return []

    def written(self, context: CustomerContext) -> Written | None:
        """Every written one."""
        return every_written(context, self.name, _REASON)

    def demand(self, offer: Offer) -> Objection | None:
        """A link, without which nobody could follow it."""
        return asks_for_link(offer)
