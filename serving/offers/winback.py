"""Win-back: a discount on the next order for a customer who is about to leave."""

from __future__ import annotations

import math
from dataclasses import dataclass

from serving.customer_context import CustomerContext
from serving.offers.protocol import VALID_FOR, Candidate, OfferReason
from serving.offers.written import written_offers
from training.artifacts.reasons import Reason

_MISSED = ("We have missed you", "好久不见,期待您回来")


@dataclass(frozen=True)
class WinbackOffers:
    """Suitable from the churn probability within 28 days that the assumptions name."""

    name: str = "winback"

    def candidates(self, context: CustomerContext) -> list[Candidate]:
        """The shop's own, and one that needs none: a return leaves the mean basket's margin, and gives away the discount on it."""
        model, churn, customer = context.live.models.return_hazard, context.churn, context.customer
        if model is None or churn is None or customer is None:
            return []
        assumptions = context.live.catalogue.assumptions
        leaving = float(churn.winback[0])
        if leaving < assumptions.offers.winback_from_churn:
            return []
        basket = customer.value("amount_mean")
        basket = basket if math.isfinite(basket) else 0.0
        causes = [reason for reason in model.reasons(customer.vector) if reason.effect > 0]
        reasons = (_at_risk(leaving), *(_cause(reason) for reason in causes))
        return [
            Candidate(
                offer_id=self.name,
                type=self.name,
                items=(),
                probability=context.p_order or 0.0,
                margin=basket * assumptions.margins.default,
                discount=basket * assumptions.offers.winback_discount,
                reasons=reasons,
                valid_until=context.now + VALID_FOR,
                channels=tuple(assumptions.consent.channels),
            ),
            *written_offers(context, self.name, *reasons),
        ]


def _at_risk(leaving: float) -> OfferReason:
    return OfferReason(
        "at_risk", f"{leaving:.0%} likely not to order within 28 days", f"28 天内不下单的概率为 {leaving:.0%}", *_MISSED, effect=None
    )


def _cause(reason: Reason) -> OfferReason:
    return OfferReason(reason.code, reason.sentence_en, reason.sentence_zh, effect=reason.effect)
