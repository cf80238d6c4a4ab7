"""`POST /v1/next-best-offers`: which offer, if any, is worth sending to this customer now."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response

from features.decisions.record import NO_ACTION
from features.ledger.contacts import Contact
from features.ledger.decisions import Decided
from features.ledger.exposures import Exposure
from features.ledger.identities import ANONYMOUS
from serving.api.answer_schemas import provenance
from serving.api.fields import probability
from serving.api.next_best_offers_schemas import (
    ChurnView,
    DroppedView,
    ItemView,
    NextBestOffersAnswer,
    NextBestOffersRequest,
    OfferView,
)
from serving.api.problems import documented
from serving.api.reason_views import cause_view, reason_view
from serving.asgi import DECISION_ID
from serving.churn_scores import expected_date
from serving.customer_context import CustomerContext
from serving.decisioning.decision_json import decision_json, kept_slate
from serving.decisioning.eligibility import Dropped
from serving.decisioning.engine import Decision, Given, OfferRequest
from serving.live import Live
from serving.offers.protocol import VALUE_BASIS, Candidate, cents
from serving.permissions import Permitted
from serving.services import Services

router = APIRouter(tags=["decisions"])


@router.post("/v1/next-best-offers", response_model=NextBestOffersAnswer, responses=documented(400, 413))
async def next_best_offers(body: NextBestOffersRequest, request: Request) -> Response:
    """Decide for one customer. Somebody unknown gets what suits most people, never an error.

    The work is a few milliseconds of computing, done right here: handing it to a thread would cost more than it takes.
    """
    services: Services = request.app.state.services
    permitted = await services.permissions.asked(asked_about(body), services.outbound_channels, since=services.contacts_since)

    def answered(live: Live) -> tuple[Decision, NextBestOffersAnswer]:
        decision = decide(services, body, permitted, live)
        return decision, answer_of(services, body, decision, permitted)

    decision, answer = services.answering(
        answered, lambda made: bool(made[0].numberless)
    )  # from here to `put` nothing waits: what is decided counts for the next call
    told = answer.model_dump_json()
    services.decisions.put(decided(body, decision, answer, told, at=services.ledger.clock(), outbound=services.outbound_channels))
    request.scope[DECISION_ID] = answer.decision_id
    services.telemetry.chosen(answer.offers[0].type)
    services.telemetry.dropped.count((fell.code for fell in decision.board.fallen), decision.board.screen.codes)
    services.telemetry.numberless(decision.numberless)
    services.telemetry.degraded(part.part for part in answer.degraded_reasons)
    return Response(told, media_type="application/json")


def decided(
    body: NextBestOffersRequest,
    decision: Decision,
    answer: NextBestOffersAnswer,
    told: str,
    *,
    at: datetime,
    outbound: Sequence[str],
) -> Decided:
    """The answer as the ledger keeps it: of an answer in which nothing personal was used, not for whom it was."""
    whose = asked_about(body)
    contact = None if whose is None or body.channel not in outbound else _contact(whose, body.channel, decision)
    record, slate = decision_json(decision), kept_slate(decision, whose if answer.personalized else None)
    if not answer.personalized:
        told = answer.model_copy(update={"customer_id": None}).model_dump_json()
        return Decided(answer.decision_id, None, at, told, record, contact, slate=slate)
    met = tuple(Exposure(one.experiment_id, whose or "", one.arm, decision.context.now) for one in decision.assigned.assignments)
    return Decided(answer.decision_id, whose, at, told, record, contact, met, slate)


def _contact(whose: str, channel: str | None, decision: Decision) -> Contact | None:
    """The message that the answer leads to; None where it is silence. Also somebody who asked for nothing personal gets a message."""
    sent = [(given.candidate.type, given.candidate.offer_id) for given in decision.offers if given.candidate.type != NO_ACTION]
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
    return answer_of(services, body, decide(services, body, permitted), permitted)


def decide(services: Services, body: NextBestOffersRequest, permitted: Permitted, live: Live | None = None) -> Decision:
    """Decide.

    Args:
        services: the service.
        body: what is asked.
        permitted: what the person agreed to.
        live: the state and the models; None: the service's.
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
    return services.engine.decide(services.live if live is None else live, wanted, now=services.now)


def answer_of(services: Services, body: NextBestOffersRequest, decision: Decision, permitted: Permitted) -> NextBestOffersAnswer:
    """The answer that tells a decision."""
    context, assigned = decision.context, decision.assigned
    return NextBestOffersAnswer(
        customer_id=body.customer_id,
        decision_id=decision.decision_id,
        stage=context.segments.stage if body.personalized else None,
        layer=context.segments.layer,
        churn=churn_view(context, explain=body.explain),
        churn_undefined=None if context.customer is None or context.customer.has_ordered else "never_ordered",
        offers=[offer_view(given, context.usable(given.candidate.channels), context.now) for given in decision.offers],
        dropped=[_dropped(dropped) for dropped in decision.dropped] if body.explain else [],
        policy_version=assigned.policy_version,
        experiment=", ".join(f"{one.experiment_id}:{one.arm}" for one in assigned.assignments) or None,
        holdout=decision.holdout,
        horizon_days=assigned.policy.horizon_days,
        personalized=context.personal,
        value_basis=VALUE_BASIS,
        **provenance(context.live, decision.degraded | services.staleness() | permitted.degraded),
    )


def churn_view(context: CustomerContext, *, explain: bool) -> ChurnView | None:
    """Churn of the context's customer; None when nothing personal is used, they never ordered or there is no model."""
    scores, model, customer = context.churn, context.live.models.return_hazard, context.customer
    if scores is None or model is None or customer is None:
        return None
    return ChurnView(
        **{f"probability_{h}d": probability(scores.probability[h][0]) for h in (14, 28, 56, 91)},
        percentile_28d=round(float(scores.percentile[28][0]), 1),
        channel_churn_probability_28d=None if context.leaving is None else context.leaving.probability,
        expected_next_order_date=expected_date(customer.as_of, float(scores.days_until_order[0])),
        reasons=[cause_view(reason) for reason in model.reasons(customer.vector)] if explain else [],
    )


def offer_view(given: Given, channels: Sequence[str], now: datetime) -> OfferView:
    """An offer as the answer shows it: amounts in cents, probabilities to six decimals; channels the person may be reached on."""
    candidate, considered, factors = given.candidate, given.considered, given.considered.factors
    written = candidate.offer
    return OfferView(
        offer_id=candidate.offer_id,
        type=candidate.type,
        items=_items(candidate),
        expected_value=cents(considered.value),
        probability=probability(factors.p0),
        uplift=round(factors.tau, 6),
        uplift_sd=round(factors.tau_sd, 6),
        uplift_source=factors.tau_source,
        propensity=probability(considered.propensity),
        margin=cents(factors.margin),
        discount=cents(factors.discount),
        cost=cents(factors.contact_cost + factors.fatigue),
        cost_of_leaving=cents(factors.fatigue),
        message_key=given.message_key,
        title={} if written is None else dict(written.title),
        url=None if written is None else written.url,
        content_id=None if written is None else written.content_id,
        reason_codes=[reason.code for reason in candidate.reasons],
        reasons=[reason_view(reason) for reason in candidate.reasons],
        valid_until=candidate.valid_until(now),
        channels=list(channels),
    )


def _items(candidate: Candidate) -> list[ItemView]:
    """A dropped offer's may have no number: that is why it fell."""
    known = ((item, item.score if math.isfinite(item.score) else 0.0) for item in candidate.items)
    return [ItemView(product_id=item.product_id, name=item.name, score=probability(score)) for item, score in known]


def _dropped(dropped: Dropped) -> DroppedView:
    return DroppedView(
        offer_id=dropped.candidate.offer_id,
        type=dropped.candidate.type,
        items=_items(dropped.candidate),
        expected_value=None if dropped.value is None else cents(dropped.value),
        step=dropped.step,
        code=dropped.code,
        sentence_en=dropped.sentence_en,
        sentence_zh=dropped.sentence_zh,
    )
