"""Usage tip: how to make the most of what was bought, a few days after it arrived; what goes with it comes next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.offers.offer import Offer
from serving.customer_context import CustomerContext
from serving.offers.protocol import Candidate, OfferReason
from serving.offers.terms import Objection, asks_for_content
from serving.offers.written import Written, days_passed


@dataclass(frozen=True)
class UsageTipOffers:
    """Written offers, between `offers.usage_tip_from_days` and `offers.usage_tip_until_days` after an order.

    The products of a tip are those it speaks of: somebody who bought one gets it, and any order answers it.
    """

    name: str = "usage_tip"

    def candidates(self, context: CustomerContext) -> list[Candidate]:  # noqa: ARG002 - the models make none
        """Only the shop makes them."""
        return []

    def written(self, context: CustomerContext) -> Written | None:
        """Tips about what the customer bought lately."""
        columns, bounds = context.live.written, context.live.catalogue.assumptions.offers
        places = columns.of_type.get(self.name, np.empty(0, np.intp)).tolist()
        days = {place: _days_since(context, columns.offers[place].offer) for place in places}
        suits = {
            place: since
            for place, since in days.items()
            if since is not None and bounds.usage_tip_from_days <= since <= bounds.usage_tip_until_days
        }
        return Written(np.array(list(suits), np.intp), lambda place: (_bought(suits[place]),))

    def demand(self, offer: Offer) -> Objection | None:
        """The tip itself."""
        return asks_for_content(offer)


def _days_since(context: CustomerContext, offer: Offer) -> float | None:
    """Days since the last order of what the tip speaks of; of any order where it names no product."""
    if context.customer is None:
        return None
    passed = days_passed(context)
    if not offer.product_ids:
        return context.customer.value("days_since_last_order") + passed
    bought = dict(zip(context.customer.recent.product_ids.tolist(), context.customer.recent.days_since_last.tolist(), strict=True))
    return min((bought[p] + passed for p in offer.product_ids if p in bought), default=None)


def _bought(days: float) -> OfferReason:
    return OfferReason("bought_lately", f"Bought it {days:.0f} days ago", f"{days:.0f} 天前购买")
