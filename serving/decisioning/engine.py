"""One decision: read the customer once, let every offer type make candidates, drop what may not be sent, rank the rest.

Somebody unknown, and everybody who does not want a personal answer, gets what suits most people; for the latter nothing personal is read.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from features.errors import StateBroken
from serving.customer_context import CustomerContext
from serving.decisioning.arbitration import POLICY_VERSION, arbitrate
from serving.decisioning.eligibility import Dropped, eligible
from serving.errors import CUSTOMER_UNREADABLE
from serving.live import Live
from serving.offers.protocol import Candidate, OfferType


@dataclass(frozen=True)
class OfferRequest:
    """What is asked.

    Attributes:
        customer_id: None for somebody anonymous.
        channel: where the answer will be sent; None when not yet decided.
        cart: product ids in the cart now.
        limit: most offers wanted.
        personalized: False: use nothing of the customer.
        contact: outbound channels the customer agreed to; None where nobody in particular is asked about.
    """

    customer_id: str | None
    channel: str | None = None
    cart: tuple[str, ...] = ()
    limit: int = 3
    personalized: bool = True
    contact: frozenset[str] | None = None


@dataclass(frozen=True)
class Decision:
    """One answer, with everything that led to it.

    Attributes:
        decision_id: unique; outcomes refer to it.
        context: the customer and the models' answers, as used.
        offers: best first; `no_action` where the line below which nothing is worth it falls within the limit.
        dropped: what was not offered, and why.
        policy_version: the rule that chose.
        degraded: part → one sentence; empty when every part worked.
    """

    decision_id: str
    context: CustomerContext
    offers: tuple[Candidate, ...]
    dropped: tuple[Dropped, ...]
    policy_version: str
    degraded: dict[str, str]


class Engine:
    """Decides; holds no state but the offer types."""

    def __init__(self, offer_types: Sequence[OfferType]) -> None:
        self.offer_types = tuple(offer_types)

    def decide(self, live: Live, request: OfferRequest, *, now: datetime) -> Decision:
        """Decide what to offer.

        Args:
            live: the state to answer from.
            request: what is asked.
            now: the service's clock, UTC.
        """
        context, degraded = open_context(live, request, now=now)
        degraded |= live.models.degraded()
        candidates = [candidate for offer_type in self.offer_types for candidate in offer_type.candidates(context)]
        lawful, unlawful = eligible(candidates, context)
        offers, unchosen = arbitrate(lawful, limit=request.limit)
        return Decision(
            decision_id=str(uuid.uuid4()),
            context=context,
            offers=tuple(offers),
            dropped=(*unlawful, *unchosen),
            policy_version=POLICY_VERSION,
            degraded=degraded,
        )


def open_context(live: Live, request: OfferRequest, *, now: datetime) -> tuple[CustomerContext, dict[str, str]]:
    """Read the customer, if that is allowed and possible.

    Returns:
        The context, and what is degraded about it: a damaged row is answered as for somebody unknown, which is lawful and never empty.
    """
    degraded: dict[str, str] = {}
    customer = None
    if request.personalized and request.customer_id is not None:
        try:
            customer = live.reader.read(request.customer_id)
        except StateBroken:
            degraded["customer"] = CUSTOMER_UNREADABLE
    return CustomerContext(live, now, customer, request.channel, request.cart, request.contact), degraded
