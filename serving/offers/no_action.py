"""No action: always a candidate, worth nothing and costing nothing, so that an offer must be worth more than silence."""

from __future__ import annotations

from dataclasses import dataclass

from features.decisions.record import NO_ACTION
from serving.customer_context import CustomerContext
from serving.offers.protocol import Candidate, OfferReason

NAME = NO_ACTION
_REASON = OfferReason(
    "nothing_worth_more", "No offer beyond this line is expected to bring more than it costs", "此后的优惠预期收益均不高于成本"
)


@dataclass(frozen=True)
class NoAction:
    """Leaving the customer in peace."""

    name: str = NAME

    def candidates(self, context: CustomerContext) -> list[Candidate]:
        """The one candidate that everybody has."""
        channels = tuple(context.live.catalogue.assumptions.consent.channels)
        return [Candidate(NAME, NAME, (), 0.0, 0.0, (_REASON,), None, channels)]

    def written(self, context: CustomerContext) -> None:  # noqa: ARG002 - the protocol's
        """Nobody writes silence."""
        return
