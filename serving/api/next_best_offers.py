"""`POST /v1/next-best-offers`: which offer, if any, is worth sending to this customer now."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response

from features.ledger.decisions import Decided
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
from serving.channel_scores import channel_probabilities
from serving.churn_scores import expected_date
from serving.customer_context import CustomerContext
from serving.decisioning.eligibility import Dropped
from serving.decisioning.engine import OfferRequest
from serving.offers.protocol import RESPONSE_DAYS, VALUE_BASIS, Candidate, cents
from serving.permissions import Permitted
from serving.services import Services

router = APIRouter(tags=["decisions"])


@router.post("/v1/next-best-offers", response_model=NextBestOffersAnswer, responses=documented(400, 413))
async def next_best_offers(body: NextBestOffersRequest, request: Request) -> Response:
    """Decide for one customer. Somebody unknown gets what suits most people, never an error.

    The work is a few milliseconds of computing, done right here: handing it to a thread would cost more than it takes.
    """
    services: Services = request.app.state.services
    permitted = await services.permissions.asked(asked_about(body), services.outbound_channels)
    answer = offers_answer(services, body, permitted)
    services.telemetry.chosen(answer.offers[0].type)
    services.telemetry.degraded(part.part for part in answer.degraded_reasons)
    told = answer.model_dump_json()
    services.decisions.put(decided(body, answer, told, at=services.ledger.clock()))
    return Response(told, media_type="application/json")


def decided(body: NextBestOffersRequest, answer: NextBestOffersAnswer, told: str, *, at: datetime) -> Decided:
    """The answer as the ledger keeps it: of an answer in which nothing personal was used, not for whom it was."""
    if not answer.personalized:
        return Decided(answer.decision_id, None, at, answer.model_copy(update={"customer_id": None}).model_dump_json())
    return Decided(answer.decision_id, asked_about(body), at, told)


def asked_about(body: NextBestOffersRequest) -> str | None:
    """The id whose consent counts."""
    return body.customer_id if body.anonymous_id is None or body.customer_id is not None else f"{ANONYMOUS}{body.anonymous_id}"


def offers_answer(services: Services, body: NextBestOffersRequest, permitted: Permitted | None = None) -> NextBestOffersAnswer:
    """Decide and say so; the API answers with it and `huitou explain` prints it.

    Args:
        services: the state and the models.
        body: what is asked.
        permitted: what the person agreed to; looked up when it is not given.
    """
    permitted = permitted or services.permitted(asked_about(body))
    personalized = body.personalized and permitted.personal
    wanted = OfferRequest(permitted.customer_id, body.channel, body.cart, body.limit, personalized, permitted.channels)
    decision = services.engine.decide(services.live, wanted, now=services.now)
    context = decision.context
    live = context.live
    return NextBestOffersAnswer(
        customer_id=body.customer_id,
        decision_id=decision.decision_id,
        stage=context.segments.stage if body.personalized else None,
        layer=context.segments.layer,
        churn=churn_view(context, explain=body.explain),
        offers=[offer_view(candidate, context.usable(candidate.channels)) for candidate in decision.offers],
        dropped=[_dropped(dropped) for dropped in decision.dropped] if body.explain else [],
        policy_version=decision.policy_version,
        experiment=None,
        personalized=context.personal,
        value_basis=VALUE_BASIS,
        **provenance(live, decision.degraded | services.staleness() | permitted.degraded),
    )


def churn_view(context: CustomerContext, *, explain: bool) -> ChurnView | None:
    """Churn of the context's customer; None when nothing personal is used or there is no model."""
    scores, model, customer = context.churn, context.live.models.return_hazard, context.customer
    if scores is None or model is None or customer is None:
        return None
    return ChurnView(
        **{f"probability_{h}d": probability(scores.probability[h][0]) for h in (14, 28, 56, 91)},
        percentile_28d=round(float(scores.percentile[28][0]), 1),
        channel_churn_probability_28d=channel_probabilities(context.live, customer.vector[None, :], [RESPONSE_DAYS])[0][RESPONSE_DAYS],
        expected_next_order_date=expected_date(customer.as_of, float(scores.days_until_order[0])),
        reasons=[cause_view(reason) for reason in model.reasons(customer.vector)] if explain else [],
    )


def offer_view(candidate: Candidate, channels: Sequence[str]) -> OfferView:
    """A candidate as the answer shows it: amounts in cents, probabilities to six decimals; channels the person may be reached on."""
    return OfferView(
        offer_id=candidate.offer_id,
        type=candidate.type,
        items=[ItemView(product_id=i.product_id, name=i.name, score=probability(i.score)) for i in candidate.items],
        expected_value=cents(candidate.expected_value),
        probability=probability(candidate.probability),
        margin=cents(candidate.margin),
        cost=cents(candidate.cost),
        cost_of_leaving=cents(candidate.cost_of_leaving),
        reason_codes=[reason.code for reason in candidate.reasons],
        reasons=[reason_view(reason) for reason in candidate.reasons],
        valid_until=candidate.valid_until,
        channels=list(channels),
    )


def _dropped(dropped: Dropped) -> DroppedView:
    candidate = dropped.candidate
    return DroppedView(
        offer_id=candidate.offer_id,
        type=candidate.type,
        expected_value=cents(candidate.expected_value) if math.isfinite(candidate.expected_value) else None,
        code=dropped.code,
        sentence=dropped.sentence,
    )
