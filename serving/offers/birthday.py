"""Birthday: a present in the days before it, by the customer's own calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from serving.condition_values import days_until_birthday, next_birthday_count
from serving.customer_context import CustomerContext
from serving.offers.protocol import Candidate, OfferReason
from serving.offers.written import Written, every_written


@dataclass(frozen=True)
class BirthdayOffers:
    """Written offers, for customers who told their birthday; `offers.birthday_within_days` of the assumptions says when."""

    name: str = "birthday"

    def candidates(self, context: CustomerContext) -> list[Candidate]:  # noqa: ARG002 - the models make none
        """Only the shop makes them."""
        return []

    def written(self, context: CustomerContext) -> Written | None:
        """Those of the shop, while the birthday is near."""
        if context.customer is None:
            return None
        days = days_until_birthday(context.customer.facts, context.now)
        if days is None or days > context.live.catalogue.assumptions.offers.birthday_within_days:
            return None
        return every_written(context, self.name, _soon(days))

    def changes_at(self, context: CustomerContext) -> datetime | None:
        """The customer's next midnight, if they told their birthday."""
        return None if context.customer is None else next_birthday_count(context.customer.facts, context.now)


def _soon(days: int) -> OfferReason:
    return OfferReason("birthday_soon", f"Has their birthday in {days} days", f"{days} 天后过生日", "Happy birthday", "生日快乐")
