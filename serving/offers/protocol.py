"""What an offer type is, and what it hands to the decision: candidates, with what a response would leave.

The probability is the response that is expected anyway; what an offer adds to it is not for the type to say (`decisioning/valuation.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from features.offers.offer import Offer
from serving.customer_context import CustomerContext
from serving.offers.terms import Objection
from serving.offers.validity import VALID_DAYS

if TYPE_CHECKING:
    from serving.offers.written import Written

VALUE_BASIS = "effect of sending: learned from randomised decisions where tau_source says so, a prior belief elsewhere"
RESPONSE_DAYS = 28  # the window of the models' probabilities, and by default of every value
_CENT = Decimal("0.01")


def cents(value: float) -> Decimal:
    """An amount rounded to cents, half to even; minus zero becomes zero."""
    return Decimal(value).quantize(_CENT, ROUND_HALF_EVEN) + Decimal("0.00")


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class OfferItem:
    """A product in an offer.

    Attributes:
        score: P(the customer buys it within `RESPONSE_DAYS`), or buys its bundle or its category where that is what is predicted.
    """

    product_id: str
    name: str
    score: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that could be offered to this customer.

    Attributes:
        offer_id: stable name of the offer, `type:key`.
        type: name of the offer type.
        items: what is offered, best first; empty where the offer is not about products.
        probability: P₀: P(the customer does within the context's horizon what the offer asks for), predicted, without being asked.
        soon: the same within the context's `soon_days`; None: in proportion, at a constant rate.
        valid: the same until `valid_until`, which is as long as its discount can be had; None: as above.
        margin: money that one response leaves before the discount.
        reasons: why, most telling first.
        until: last moment of the offer, UTC; None: one step of the models from the decision on, or as the shop's document says.
        channels: where it may be sent.
        discount: money given away by one response: a coupon's value, a price taken off.
        cost: money that one sending costs besides the message's price.
        lever: the merchant's weight.
        offer: the document it was made from; None where a model made it.
    """

    offer_id: str
    type: str
    items: tuple[OfferItem, ...]
    probability: float
    margin: float
    reasons: tuple[OfferReason, ...]
    until: datetime | None
    channels: tuple[str, ...]
    discount: float = 0.0
    cost: float = 0.0
    lever: float = 1.0
    offer: Offer | None = None
    soon: float | None = None
    valid: float | None = None

    def valid_until(self, now: datetime) -> datetime:
        """Last moment of the offer, UTC, of a decision at `now`."""
        if self.until is not None:
            return self.until
        written = self.offer
        days = VALID_DAYS if written is None or written.valid_days is None else written.valid_days
        lasts = now + timedelta(days=days)
        return lasts if written is None or written.ends_at is None else min(lasts, written.ends_at)


class OfferType(Protocol):
    """The seam: an offer type knows how to make candidates for one customer."""

    @property
    def name(self) -> str:
        """Name in answers and metrics."""
        ...

    def candidates(self, context: CustomerContext) -> list[Candidate]:
        """What the models make for the customer; an empty list when the type does not suit or its model is missing.

        Never a product that may not be offered; a context without a customer gets what suits everybody, or nothing.
        """
        ...

    def written(self, context: CustomerContext) -> Written | None:
        """The shop's own offers of the type that suit the customer, whatever they ask for themselves; None: none."""
        ...


@runtime_checkable
class Passing(Protocol):
    """An offer type whose offers come and go with the clock, though nothing new is known of the customer."""

    def changes_at(self, context: CustomerContext) -> datetime | None:
        """The earliest moment after the context's from which on others are made, UTC, or one before it; None: never."""
        ...


@runtime_checkable
class Demanding(Protocol):
    """An offer type that demands more of a written offer than the common form."""

    def demand(self, offer: Offer) -> Objection | None:
        """What the offer lacks; None when it does."""
        ...
