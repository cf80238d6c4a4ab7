"""Survey: a question while the last order is remembered, once an order at most."""

from __future__ import annotations

from dataclasses import dataclass

from serving.customer_context import CustomerContext
from serving.offers.protocol import Candidate, OfferReason
from serving.offers.written import Written, every_written


@dataclass(frozen=True)
class SurveyOffers:
    """Written offers, between `offers.survey_from_days` and `offers.survey_until_days` after an order.

    When somebody answered last is not among the features; how often is. Who has answered as many surveys as they have orders is not asked
    again before the next order.
    """

    name: str = "survey"

    def candidates(self, context: CustomerContext) -> list[Candidate]:  # noqa: ARG002 - the models make none
        """Only the shop makes them."""
        return []

    def written(self, context: CustomerContext) -> Written | None:
        """Those of the shop, for who ordered lately and has not said everything yet."""
        if context.customer is None:
            return None
        bounds, customer = context.live.catalogue.assumptions.offers, context.customer
        days, answered = customer.value("days_since_last_order"), customer.value("surveys_answered")
        if not bounds.survey_from_days <= days <= bounds.survey_until_days or answered >= customer.value("order_count"):
            return None
        return every_written(context, self.name, _ordered(days))


def _ordered(days: float) -> OfferReason:
    return OfferReason(
        "ordered_lately",
        f"Ordered {days:.0f} days ago",
        f"{days:.0f} 天前下过单",
        "How did you like your last order?",
        "您对上次购物还满意吗?",
    )
