"""`POST /v1/next-best-offers`: which offer, if any, is worth sending to this customer now."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from features.decisions.record import NO_ACTION
from features.ledger.contacts import Contact
from features.ledger.decisions import Decided
from features.ledger.exposures import Exposure
from features.ledger.identities import ANONYMOUS
from serving.api.answer_text import answer_text
from serving.api.next_best_offers_schemas import NextBestOffersAnswer, NextBestOffersRequest
from serving.api.offer_views import answer_of
from serving.api.once_more import Again, once_more, remember
from serving.api.problems import documented
from serving.asgi import DECISION_ID, DRAWN, Scope
from serving.decisioning.decision_json import decision_json, kept_slate
from serving.decisioning.engine import Decision, OfferRequest
from serving.live import Live
from serving.permissions import Permitted
from serving.services import Services

PATH = "/v1/next-best-offers"
router = APIRouter(tags=["decisions"])


@router.post(PATH, response_model=NextBestOffersAnswer, responses=documented(400, 413))
async def next_best_offers(body: NextBestOffersRequest, request: Request) -> Response:
    """Decide for one customer. Somebody unknown gets what suits most people, never an error."""
    return Response(await answered(request.app.state.services, body, request.scope), media_type="application/json")


async def answered(services: Services, body: NextBestOffersRequest, scope: Scope, *, permitted: Permitted | None = None) -> bytes:
    """Decide, tell and record.

    The work is a fraction of a millisecond for somebody asked about lately and a few else, done right here: handing it to a thread would
    cost more than it takes.

    Args:
        services: the service.
        body: what is asked.
        scope: of the request; learns the decision's id, and may know it already.
        permitted: what the person agreed to; None: it is looked up.

    Returns:
        JSON of the answer, UTF-8.
    """
    if permitted is None:
        permitted = await services.permissions.asked(asked_about(body), services.outbound_channels, since=services.contacts_since)
    allowed, telemetry = permitted, services.telemetry
    decision_id: str = scope.pop(DRAWN, None) or services.engine.new_id()
    again = once_more(services, body, allowed, decision_id, asked_about(body))
    if again is not None:
        scope[DECISION_ID] = decision_id
        return given_again(services, again)

    def told(live: Live) -> tuple[Decision, str]:
        decision = decide(services, body, allowed, live, decision_id)
        return decision, answer_text(body, decision, decision.degraded | services.staleness() | allowed.degraded, body.customer_id)

    # From here to `put` nothing waits: what is decided counts for the next call.
    decision, text = services.answering(told, lambda made: bool(made[0].numberless))
    degraded = decision.degraded | services.staleness() | allowed.degraded
    recorded = decided(services, body, decision, text, degraded)
    services.decisions.put(recorded)
    if body.channel is not None and recorded.contact is not None and (brings := decision.brings) is not None:
        services.engine.messages.took(body.channel, decision.context.now, brings)
    scope[DECISION_ID] = decision_id
    telemetry.chosen(decision.slate.types[decision.places[0]])
    telemetry.dropped.count((fell.code for fell in decision.board.fallen), decision.board.counted)
    telemetry.numberless(decision.numberless)
    telemetry.degraded(degraded)
    if not degraded:
        remember(services, body, allowed, decision, recorded)
    return text.encode()


def given_again(services: Services, again: Again) -> bytes:
    """Record and count an answer that was given before; returns its text."""
    text, repeated, known = again
    services.decisions.put(repeated)
    services.telemetry.chosen(known.type)
    services.telemetry.dropped.count(known.fallen, known.counted)
    return text


def decided(services: Services, body: NextBestOffersRequest, decision: Decision, text: str, degraded: dict[str, str]) -> Decided:
    """The answer as the ledger keeps it: of an answer in which nothing personal was used, not for whom it was."""
    at, whose, now = services.ledger.clock(), asked_about(body), decision.context.now
    contact = None if whose is None or body.channel not in services.outbound_channels else _contact(whose, body.channel, decision)
    record = decision_json(decision)
    if not decision.context.personal:
        anonymous = text if body.customer_id is None else answer_text(body, decision, degraded, None)
        return Decided(decision.decision_id, None, at, anonymous, record, contact, slate=kept_slate(decision, None))
    met = tuple(Exposure(one.experiment_id, whose or "", one.arm, now) for one in decision.assigned.assignments)
    return Decided(decision.decision_id, whose, at, text, record, contact, met, kept_slate(decision, whose))


def _contact(whose: str, channel: str | None, decision: Decision) -> Contact | None:
    """The message that the answer leads to; None where it is silence. Also somebody who asked for nothing personal gets a message."""
    types, ids = decision.slate.types, decision.slate.offer_ids
    sent = [(types[place], ids[place]) for place in decision.places if types[place] != NO_ACTION]
    if not sent:
        return None
    (kind, offer_id), *others = sent
    return Contact(decision.decision_id, whose, channel, kind, offer_id, decision.decision_id, at=decision.context.now, also=tuple(others))


def asked_about(body: NextBestOffersRequest) -> str | None:
    """The id whose consent counts."""
    return body.customer_id if body.anonymous_id is None or body.customer_id is not None else f"{ANONYMOUS}{body.anonymous_id}"


def offers_answer(services: Services, body: NextBestOffersRequest) -> NextBestOffersAnswer:
    """Decide and say so without recording it; `huitou explain` prints it."""
    permitted = services.permitted(asked_about(body))
    decision = decide(services, body, permitted)
    return answer_of(body, decision, decision.degraded | services.staleness() | permitted.degraded)


def decide(
    services: Services, body: NextBestOffersRequest, permitted: Permitted, live: Live | None = None, decision_id: str | None = None
) -> Decision:
    """Decide.

    Args:
        services: the service.
        body: what is asked.
        permitted: what the person agreed to.
        live: the state and the models; None: the service's.
        decision_id: a new one; None: it is made.
    """
    wanted = OfferRequest(
        permitted.customer_id,
        body.channel,
        body.scenario,
        body.cart,
        body.limit,
        personalized=body.personalized and permitted.personal,
        contact=permitted.channels,
        history=services.decisions.contacts.joined(permitted.history),
    )
    return services.engine.decide(services.live if live is None else live, wanted, now=services.now, decision_id=decision_id)
