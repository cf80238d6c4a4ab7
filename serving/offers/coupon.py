"""Coupon: a reminder of a running campaign's coupons that the customer already holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from features.products import Coupon
from serving.customer_context import CustomerContext
from serving.offers.protocol import Candidate, OfferItem, OfferReason
from serving.offers.validity import next_count
from serving.offers.within import within
from serving.offers.written import Written, every_written
from training.artifacts.logistic_map import sigmoid

_RANKED = 12  # products looked at per campaign, best first; further down nobody buys


@dataclass(frozen=True)
class CouponOffers:
    """One candidate per running campaign whose coupons the customer was sent.

    Attributes:
        shown: products named in the reminder.
    """

    name: str = "coupon"
    shown: int = 3

    def candidates(self, context: CustomerContext) -> list[Candidate]:
        """Campaigns that run now, whose redemption rate is the probability of every holder."""
        return self._held(context)

    def written(self, context: CustomerContext) -> Written | None:
        """What the shop wrote."""
        return every_written(context, self.name)

    def changes_at(self, context: CustomerContext) -> datetime | None:
        """The next beginning or end of a campaign whose coupons the customer holds, and the next day while they hold any."""
        if context.customer is None:
            return None
        catalogue, whose, now = context.live.catalogue, context.customer.customer_id, context.now
        turn = catalogue.coupons_change_at(whose, now)
        return turn if turn is None or not catalogue.coupons_of(whose, now) else min(turn, next_count(now))

    def _held(self, context: CustomerContext) -> list[Candidate]:
        if context.customer is None:
            return []
        held = context.live.catalogue.coupons_of(context.customer.customer_id, context.now)
        return [candidate for coupon in held if (candidate := self._candidate(context, coupon)) is not None]

    def _candidate(self, context: CustomerContext, coupon: Coupon) -> Candidate | None:
        catalogue = context.live.catalogue
        value = catalogue.assumptions.offers.coupon_value
        ranked = self._ranked(context, coupon)
        # A product that leaves less than the coupon gives away makes it a gift: such products are named only when there are no others.
        paying = [item for item in ranked if catalogue.margin(item.product_id) > value]
        items = tuple((paying or ranked)[: self.shown])
        if not items:
            return None
        return Candidate(
            offer_id=f"{self.name}:{coupon.offer_id}",
            type=self.name,
            items=items,
            probability=within(coupon.redemption_rate, context.horizon_days),
            margin=sum(catalogue.margin(item.product_id) for item in items) / len(items),
            discount=value,
            reasons=(_holds(coupon),),
            until=coupon.ends_at,
            channels=tuple(catalogue.assumptions.consent.channels),
        )

    @staticmethod
    def _ranked(context: CustomerContext, coupon: Coupon) -> list[OfferItem]:
        """The coupon's products as the item model ranks them for the customer; as the campaign lists them where it says nothing."""
        catalogue, items, barred = context.live.catalogue, context.live.models.items, context.barred
        positions = context.live.coupon_positions.get(coupon.offer_id, np.empty(0, np.int64))
        scores = context.likings.item_logits_at(positions)
        if items is None or scores is None or np.isnan(scores).any():  # without the model, or where it gives no number
            lawful = [p for p in coupon.product_ids if catalogue.offerable(p) and p not in barred]
            return [OfferItem(p, catalogue.name(p), 0.0) for p in lawful[:_RANKED]]
        order = np.argsort(-scores, kind="stable")[: _RANKED + len(barred)]
        ids, chances = items.product_ids[positions[order]].tolist(), sigmoid(scores[order]).tolist()
        return [OfferItem(p, catalogue.name(p), s) for p, s in zip(ids, chances, strict=True) if p not in barred][:_RANKED]


def _holds(coupon: Coupon) -> OfferReason:
    until, rate, base = f"{coupon.ends_at:%Y-%m-%d}", f"{coupon.redemption_rate:.1%}", f"{coupon.redemption_base:,}"
    return OfferReason(
        "holds_coupon",
        f"Holds coupons of {coupon.label} until {until}; {rate} likely to be redeemed, judged by {base} mailings",
        f"持有 {coupon.label} 的优惠券,有效期至 {until};依据 {base} 次发放,预计核销率 {rate}",
        f"Your coupon is valid until {until}",
        f"您的优惠券有效期至 {until}",
    )
