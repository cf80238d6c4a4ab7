"""Live invitation: a session that takes place at a time, offered while it can still be watched."""

from __future__ import annotations

from dataclasses import dataclass

from features.offers.offer import Offer
from serving.customer_context import CustomerContext
from serving.offers.protocol import Candidate, OfferReason
from serving.offers.terms import Objection, asks_for_content
from serving.offers.written import Written, every_written

_REASON = OfferReason("live_invite", "A live session takes place soon", "直播即将开始")


@dataclass(frozen=True)
class LiveInviteOffers:
    """Written offers, and those that the shop's content makes (`serving.offers.book`)."""

    name: str = "live_invite"

    def candidates(self, context: CustomerContext) -> list[Candidate]:  # noqa: ARG002 - the models make none
        """Only the shop makes them."""
        return []

    def written(self, context: CustomerContext) -> Written | None:
        """Every one of them; somebody unknown may see them too."""
        return every_written(context, self.name, _REASON)

    def demand(self, offer: Offer) -> Objection | None:
        """Something to show."""
        return asks_for_content(offer)
