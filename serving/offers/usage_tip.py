"""Usage tip: how to make the most of what was bought, a few days after it arrived; what goes with it comes next."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

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

    def changes_at(self, context: CustomerContext) -> datetime | None:
        """When the days since a purchase reach a bound or are told as another number."""
        places = context.live.written.of_type.get(self.name, _NONE)
        if context.customer is None or not len(places):
            return None
        bounds, passed = context.live.catalogue.assumptions.offers, days_passed(context)
        customer = context.customer
        since = {*customer.recent.days_since_last.tolist(), customer.value("days_since_last_order")}
        ahead = [_days_to_turn(passed + days, (bounds.usage_tip_from_days, bounds.usage_tip_until_days)) for days in since]
        nearest = min((days for days in ahead if days is not None), default=None)
        return None if nearest is None else context.now + timedelta(days=nearest)

    def demand(self, offer: Offer) -> Objection | None:
        """The tip itself."""
        return asks_for_content(offer)


def _days_since(product_ids: tuple[str, ...], bought: dict[str, float], last: float) -> float:
    """Days since the last order of what a tip speaks of, infinite without one; of any order where it names no product."""
    return min((bought[p] for p in product_ids if p in bought), default=math.inf) if product_ids else last


def _days_to_turn(days: float, bounds: tuple[float, float]) -> float | None:
    """Days until so many days are past a bound or rounded to another number; None once they are past every bound."""
    if not math.isfinite(days) or days > bounds[1]:
        return None
    turns = (*bounds, math.floor(days + 0.5) + 0.5)
    return min(turn - days for turn in turns if turn >= days)


def _bought(days: float) -> OfferReason:
    return OfferReason("bought_lately", f"Bought it {days:.0f} days ago", f"{days:.0f} 天前购买")
