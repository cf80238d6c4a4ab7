"""Usage tip: how to make the most of what was bought, a few days after it arrived; what goes with it comes next."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from features.offers.offer import Offer
from serving.customer_context import CustomerContext
from serving.offers.protocol import Candidate, OfferReason
from serving.offers.terms import Objection, asks_for_content
from serving.offers.written import Written, days_passed

_NONE = np.empty(0, np.intp)


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
        if context.customer is None:
            return None
        columns, bounds = context.live.written, context.live.catalogue.assumptions.offers
        places, passed, customer = columns.of_type.get(self.name, _NONE).tolist(), days_passed(context), context.customer
        bought = dict(zip(customer.recent.product_ids.tolist(), customer.recent.days_since_last.tolist(), strict=True))
        last = customer.value("days_since_last_order")
        found = {place: passed + _days_since(columns.products(place), bought, last) for place in places}
        suits = {place: days for place, days in found.items() if bounds.usage_tip_from_days <= days <= bounds.usage_tip_until_days}
        return Written(np.array(list(suits), np.intp), lambda place: (_bought(suits[place]),))

    def demand(self, offer: Offer) -> Objection | None:
        """The tip itself."""
        return asks_for_content(offer)


def _days_since(product_ids: tuple[str, ...], bought: dict[str, float], last: float) -> float:
    """Days since the last order of what a tip speaks of, infinite without one; of any order where it names no product."""
    return min((bought[p] for p in product_ids if p in bought), default=math.inf) if product_ids else last


def _bought(days: float) -> OfferReason:
    return OfferReason("bought_lately", f"Bought it {days:.0f} days ago", f"{days:.0f} 天前购买")
