"""What an offer type is, and what it hands to the decision: candidates valued in money.

The probability is the predicted response, not what the offer causes: who would have bought anyway is not measured. Every answer says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Protocol

from serving.customer_context import CustomerContext

VALUE_BASIS = "predicted response, not causal"
RESPONSE_DAYS = 28  # the window of every probability, so that offers can be compared
VALID_FOR = timedelta(days=7)  # one step of the models: afterwards the decision should be made anew
_CENT = Decimal("0.01")


def cents(value: float) -> Decimal:
    """An amount rounded to cents, half to even; minus zero becomes zero."""
    return Decimal(value).quantize(_CENT, ROUND_HALF_EVEN) + Decimal("0.00")


@dataclass(frozen=True)
class OfferReason:
    """Why an offer is made.

    Attributes:
        code: stable name for machines.
        sentence_en, sentence_zh: for the marketer.
        customer_en, customer_zh: for the customer; empty where nothing should be said to them.
        effect: for causes of churn, the change of its probability against the reference.
    """

    code: str
    sentence_en: str
    sentence_zh: str
    customer_en: str = ""
    customer_zh: str = ""
    effect: float | None = None


@dataclass(frozen=True)
class OfferItem:
    """A product in an offer.

    Attributes:
        score: P(the customer buys it within `RESPONSE_DAYS`), or buys its bundle or its category where that is what is predicted.
    """

    product_id: str
    name: str
    score: float


@dataclass(frozen=True)
class Candidate:
    """Something that could be offered to this customer.

    Attributes:
        offer_id: stable name of the offer, `type:key`.
        type: name of the offer type.
        items: what is offered, best first; empty where the offer is not about products.
        probability: P(the customer responds within `RESPONSE_DAYS`), predicted.
        margin: money a response leaves, discounts and coupon values taken off.
        cost: money spent whether or not the customer responds: the message's price, and what follows.
        cost_of_leaving: the part of the cost that stands for customers who leave the channel over the message.
        reasons: why, most telling first.
        valid_until: last moment of the offer, UTC.
        channels: where it may be sent.
    """

    offer_id: str
    type: str
    items: tuple[OfferItem, ...]
    probability: float
    margin: float
    cost: float
    reasons: tuple[OfferReason, ...]
    valid_until: datetime
    channels: tuple[str, ...]
    cost_of_leaving: float = 0.0

    @property
    def expected_value(self) -> float:
        """Money expected of making the offer: probability × margin − cost."""
        return self.probability * self.margin - self.cost


class OfferType(Protocol):
    """The seam: an offer type knows how to make candidates for one customer."""

    @property
    def name(self) -> str:
        """Name in answers and metrics."""
        ...

    def candidates(self, context: CustomerContext) -> list[Candidate]:
        """Candidates for the customer; an empty list when the type does not suit or its model is missing.

        Never a product that may not be offered; a context without a customer gets what suits everybody, or nothing.
        """
        ...
