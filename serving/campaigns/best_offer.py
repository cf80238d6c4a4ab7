"""What a message would save: the value of the offer that is best for each customer, as a decision would find it; nothing is sent."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from features.decisions.record import NO_ACTION, TauSource
from serving.decisioning.engine import Decision, OfferRequest
from serving.live import Live
from serving.services import Services


@dataclass(frozen=True)
class BestOffer:
    """The best that may be sent to somebody.

    Attributes:
        offer_id: of it.
        uplift, uplift_sd: what it adds to the chance of its response within the policy's horizon, and how well that is known.
        learned: whether that was learned from this shop's decisions.
        saved: money expected of sending it rather than nothing, the message and what it may cost of the channel taken off.
    """

    offer_id: str
    uplift: float
    uplift_sd: float
    learned: bool
    saved: float


def best_offers(services: Services, customer_ids: Sequence[str], channel: str) -> list[BestOffer | None]:
    """Ask for each customer what a decision on the channel would consider: consent, stock, caps and quiet hours as they are now.

    A decision a customer, of a few milliseconds each; nothing is recorded, so nobody counts as written to.

    Args:
        services: the state and the models.
        customer_ids: who is looked at.
        channel: on which the campaign will be sent.

    Returns:
        In the order of the ids; None of somebody to whom nothing may be sent.
    """
    found = []
    for customer_id in customer_ids:
        permitted = services.permitted(customer_id)
        wanted = OfferRequest(
            permitted.customer_id, channel, limit=1, personalized=permitted.personal, contact=permitted.channels, history=permitted.history
        )
        found.append(_best(services.answering(functools.partial(_decided, services, wanted), lambda decision: bool(decision.numberless))))
    return found


def _decided(services: Services, wanted: OfferRequest, live: Live) -> Decision:
    return services.engine.decide(live, wanted, now=services.now)


def _best(decision: Decision) -> BestOffer | None:
    slate, values = decision.slate, decision.values
    sent = [place for place, kind in enumerate(slate.types) if kind != NO_ACTION]
    if not sent:
        return None
    place = max(sent, key=lambda at: (values[at], slate.offer_ids[at]))
    factors = slate.factors.row(place)
    return BestOffer(slate.offer_ids[place], factors.tau, factors.tau_sd, factors.tau_source is TauSource.LEARNED, float(values[place]))
