"""Win-back: a discount on the next order for a customer who is about to leave."""

from __future__ import annotations

import math
from dataclasses import dataclass

from serving.customer_context import CustomerContext
from serving.offers.protocol import Candidate, OfferReason
from serving.offers.validity import VALID_DAYS
from serving.offers.written import Written, every_written
from training.artifacts.reasons import Reason

_MISSED = ("We have missed you", "好久不见,期待您回来")


@dataclass(frozen=True)
class WinbackOffers:
    """Suitable from the churn probability within 28 days that the assumptions name."""

    name: str = "winback"

    def candidates(self, context: CustomerContext) -> list[Candidate]:
        """One that needs no writing: a return leaves the mean basket's margin, and gives away the discount on it."""
        reasons, customer = _reasons(context), context.customer
        if not reasons or customer is None:
            return []
        assumptions, basket = context.live.catalogue.assumptions, customer.value("amount_mean")
        basket = basket if math.isfinite(basket) else 0.0
        return [
            Candidate(
                offer_id=self.name,
                type=self.name,
                items=(),
                probability=context.p_order or 0.0,
                soon=context.p_order_soon or 0.0,
                valid=context.orders_within(min(VALID_DAYS, context.horizon_days)) or 0.0,
                margin=basket * assumptions.margins.default,
                discount=basket * assumptions.offers.winback_discount,
                reasons=reasons,
                until=None,
                channels=tuple(assumptions.consent.channels),
            )
        ]

    def written(self, context: CustomerContext) -> Written | None:
        """The shop's own."""
        reasons = _reasons(context)
        return every_written(context, self.name, *reasons) if reasons else None


def _reasons(context: CustomerContext) -> tuple[OfferReason, ...]:
    """Why somebody should be won back; empty when they need not be, or nobody can say."""
    churn = context.churn
    if churn is None:
        return ()
    leaving = float(churn.winback[0])
    if leaving < context.live.catalogue.assumptions.offers.winback_from_churn:
        return ()
    return (_at_risk(leaving), *(_cause(reason) for reason in context.churn_causes if reason.effect > 0))


def _at_risk(leaving: float) -> OfferReason:
    return OfferReason(
        "at_risk", f"{leaving:.0%} likely not to order within 28 days", f"28 天内不下单的概率为 {leaving:.0%}", *_MISSED, effect=None
    )


def _cause(reason: Reason) -> OfferReason:
    return OfferReason(reason.code, reason.sentence_en, reason.sentence_zh, effect=reason.effect)
