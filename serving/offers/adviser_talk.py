"""Adviser talk: a conversation with somebody who knows the products."""

from __future__ import annotations

from dataclasses import dataclass

from features.offers.offer import Offer
from serving.customer_context import CustomerContext
from serving.offers.protocol import Candidate, OfferReason
from serving.offers.terms import Objection, asks_for_link
from serving.offers.written import Written, every_written

_REASON = OfferReason("adviser_talk", "A talk with an adviser is offered", "可与专属顾问一对一沟通")


@dataclass(frozen=True)
class AdviserTalkOffers:
    """Written offers with a deep link; what opens behind it is the shop's."""

    name: str = "adviser_talk"

    def candidates(self, context: CustomerContext) -> list[Candidate]:  # noqa: ARG002 - the models make none
        """Only the shop makes them."""
        return []

    def written(self, context: CustomerContext) -> Written | None:
        """Every written one."""
        return every_written(context, self.name, _REASON)

    def demand(self, offer: Offer) -> Objection | None:
        """A link, without which nobody could follow it."""
        return asks_for_link(offer)
