"""`GET /v1/customers/{customer_id}` and its `/scores`: everything known of one customer, each part with its freshness."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from features.errors import StateBroken
from features.feature_sets import CUSTOMER
from features.store import CustomerFeatures
from serving.api.answer_schemas import provenance
from serving.api.customer_schemas import (
    ChurnAtHorizon,
    FactsBlock,
    Need,
    NeedsBlock,
    NonPersonalPortrait,
    NonPersonalScores,
    PortraitAnswer,
    PredictionsBlock,
    ScoresAnswer,
    ToldFacts,
)
from serving.api.fields import OpaqueId, Personalized, probability
from serving.api.problems import documented
from serving.api.reason_views import cause_view
from serving.api.shop_wide import non_personal_portrait, non_personal_scores
from serving.category_needs import category_needs, usual_quantities
from serving.channel_scores import channel_probabilities
from serving.churn_scores import LONGEST_HORIZON_DAYS, expected_date, score_churn
from serving.customer_context import CustomerContext
from serving.errors import CustomerUnknown, CustomerUnreadable, unread
from serving.live import Live
from serving.offers.protocol import RESPONSE_DAYS, cents
from serving.permissions import Permitted
from serving.segments import segments_of, spend_percentile
from serving.services import Services
from serving.spending import expected_margin
from training.artifacts.return_hazard import HORIZONS
from training.artifacts.value import ValueScores

router = APIRouter(tags=["customers"])

_UNKNOWN = "Nothing is known of the customer {customer_id!r}; next-best offers and recommendations answer all the same."
_MAX_NEEDS = 20
_MAX_HORIZONS = 10
_PROFILE = frozenset(dict(CUSTOMER.views)["profile"])

CustomerId = Annotated[OpaqueId, Path(description="Opaque id of the shop.", examples=["1"])]
Horizon = Annotated[int, Query(ge=1, le=LONGEST_HORIZON_DAYS)]


@router.get("/v1/customers/{customer_id}/scores", response_model=ScoresAnswer | NonPersonalScores, responses=documented(404, 503))
async def scores(
    request: Request,
    customer_id: CustomerId,
    horizon_days: Annotated[
        list[Horizon] | None,
        Query(max_length=_MAX_HORIZONS, description="Any number of days; repeat for several. Default: 14, 28, 56, 91.", examples=[[45]]),
    ] = None,
    shap: Annotated[bool, Query(description="Add exact TreeSHAP values; a few milliseconds more.")] = False,
    personalized: Personalized = True,
) -> Response:
    """Churn at any horizon, the expected next order, orders and spend of a year, stage and value layer, with reasons.

    Of whoever did not agree to profiling, known or not, and wherever nothing personal is asked for: figures of the shop as a whole.
    """
    services: Services = request.app.state.services
    permitted = await _permitted(services, customer_id, personalized=personalized)
    answer: ScoresAnswer | NonPersonalScores
    if permitted is None or not permitted.profiled:
        answer = non_personal_scores(services, customer_id, permitted)
    else:
        answer = scores_answer(services, customer_id, tuple(horizon_days or HORIZONS), shap=shap, permitted=permitted)
    return Response(answer.model_dump_json(), media_type="application/json")


@router.get("/v1/customers/{customer_id}", response_model=PortraitAnswer | NonPersonalPortrait, responses=documented(404, 503))
async def portrait(request: Request, customer_id: CustomerId, personalized: Personalized = True) -> Response:
    """The whole portrait: attributes, behaviour, needs, predictions; or, as of `/scores`, figures of the shop as a whole."""
    services: Services = request.app.state.services
    permitted = await _permitted(services, customer_id, personalized=personalized)
    answer: PortraitAnswer | NonPersonalPortrait
    if permitted is None or not permitted.profiled:
        answer = non_personal_portrait(services, customer_id, permitted)
    else:
        answer = portrait_answer(services, customer_id, permitted)
    return Response(answer.model_dump_json(), media_type="application/json")


async def _permitted(services: Services, customer_id: str, *, personalized: bool) -> Permitted | None:
    """What the person agreed to; None, and nothing of theirs is looked up, where nothing personal is wanted."""
    return await services.permissions.asked(customer_id, services.outbound_channels) if personalized else None


def scores_answer(
    services: Services, customer_id: str, horizons: tuple[int, ...] = HORIZONS, *, shap: bool = False, permitted: Permitted | None = None
) -> ScoresAnswer:
    """Scores of one customer; the API answers with them and `huitou explain` prints them.

    Args:
        services: the state and the models.
        customer_id: who is asked about.
        horizons: days, each 1 to `LONGEST_HORIZON_DAYS`.
        shap: add exact TreeSHAP values.
        permitted: what the person agreed to; looked up when it is not given.

    Raises:
        CustomerUnknown: nothing is known of the customer, or they did not agree to being profiled.
        CustomerUnreadable: the customer's row is damaged.
    """
    live = services.live
    customer = permitted_customer(services, customer_id, permitted)
    return ScoresAnswer(
        customer_id=customer_id,
        average_days_between_orders=_number(customer.value("gap_mean")),
        shap=_shap(live, customer) if shap else None,
        **_predicted(live, customer, horizons),
        **provenance(live, services.degraded(["return_hazard", "value", "channel_churn"])),
    )


def portrait_answer(services: Services, customer_id: str, permitted: Permitted | None = None) -> PortraitAnswer:
    """The portrait of one customer; the API answers with it and `huitou explain` prints it.

    Args:
        services: the state and the models.
        customer_id: who is asked about.
        permitted: what the person agreed to; looked up when it is not given.

    Raises:
        CustomerUnknown: nothing is known of the customer, or they did not agree to being profiled.
        CustomerUnreadable: the customer's row is damaged.
    """
    live = services.live
    customer = permitted_customer(services, customer_id, permitted)
    fresh = {"as_of": customer.as_of, "age_days": round(max(timedelta(), services.now - customer.as_of) / timedelta(days=1), 3)}
    facts = {name: _number(value) for name, value in zip(CUSTOMER.columns, customer.vector.tolist(), strict=True)}
    return PortraitAnswer(
        customer_id=customer_id,
        told=ToldFacts(**vars(customer.facts)),
        attributes=FactsBlock(facts={k: v for k, v in facts.items() if k in _PROFILE}, **fresh),
        behaviour=FactsBlock(facts={k: v for k, v in facts.items() if k not in _PROFILE}, **fresh),
        needs=NeedsBlock(categories=_needs(CustomerContext(live, services.now, customer)), **fresh),
        predictions=PredictionsBlock(
            average_days_between_orders=_number(customer.value("gap_mean")),
            spend_percentile=round(spend_percentile(customer, live.catalogue), 1),
            **_predicted(live, customer, HORIZONS),
            **fresh,
        ),
        **provenance(live, services.degraded(["return_hazard", "value", "repurchase", "channel_churn"])),
    )


def permitted_customer(services: Services, customer_id: str, permitted: Permitted | None = None) -> CustomerFeatures:
    """The features of somebody who must be known and have agreed to it; of others the answer is that of somebody unknown.

    Raises:
        CustomerUnknown, CustomerUnreadable: as `known_customer`.
    """
    permitted = permitted or services.permitted(customer_id)
    if permitted.problem is not None:
        raise CustomerUnreadable(permitted.problem)
    if not permitted.profiled:
        raise CustomerUnknown(_UNKNOWN.format(customer_id=customer_id))
    return known_customer(services.live, permitted.customer_id or customer_id)


def known_customer(live: Live, customer_id: str) -> CustomerFeatures:
    """The features of somebody who must be known.

    Raises:
        CustomerUnknown: nothing is known of the customer.
        CustomerUnreadable: the customer's row is damaged.
    """
    try:
        customer = live.reader.read(customer_id)
    except StateBroken as error:
        raise CustomerUnreadable(unread(error)) from error
    if customer is None:
        raise CustomerUnknown(_UNKNOWN.format(customer_id=customer_id))
    return customer


def _shap(live: Live, customer: CustomerFeatures) -> dict[str, float] | None:
    hazard = live.models.return_hazard
    if hazard is None or not customer.has_ordered:
        return None
    return {name: round(value, 6) for name, value in hazard.shap(customer.vector).items()}


def _number(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def _predicted(live: Live, customer: CustomerFeatures, horizons: tuple[int, ...]) -> dict[str, Any]:
    """Fields that scores and portrait share."""
    if not customer.has_ordered:
        return _without_orders(live, customer, horizons)
    stored, model, value = customer.vector[None, :], live.models.return_hazard, live.models.value
    found = None if model is None else score_churn(model, stored, also=horizons, interval=True)
    worth = None if value is None else value.score(stored)
    segments = segments_of(live, customer, found, worth)
    margin = cents(float(expected_margin(stored, RESPONSE_DAYS, live.catalogue.assumptions)[0]))
    shared = {"stage": segments.stage, "layer": segments.layer, "expected_margin_28d": margin, **_worth(worth)}
    if model is None or found is None or found.days_interval is None:
        return {**shared, "churn": [], "reasons": []}
    earliest, latest = (expected_date(customer.as_of, float(days)) for days in found.days_interval[0])
    (leaving,) = channel_probabilities(live, stored, horizons)
    churn = [
        ChurnAtHorizon(
            horizon_days=h,
            churn_probability=probability(found.probability[h][0]),
            percentile=round(float(found.percentile[h][0]), 1),
            channel_churn_probability=leaving[h],
            beyond_history=bool(found.beyond_history[h][0]),
        )
        for h in sorted(set(horizons))
    ]
    return {
        **shared,
        "churn": churn,
        "next_order_date_low": earliest,
        "next_order_date_high": latest,
        "expected_next_order_date": expected_date(customer.as_of, float(found.days_until_order[0])),
        "reasons": [cause_view(reason) for reason in model.reasons(customer.vector)],
    }


def _without_orders(live: Live, customer: CustomerFeatures, horizons: tuple[int, ...]) -> dict[str, Any]:
    """The same fields for somebody who never ordered: the stage, and of all horizons the chance to leave the channel."""
    segments = segments_of(live, customer, None, None)
    (leaving,) = channel_probabilities(live, customer.vector[None, :], horizons)
    churn = [
        ChurnAtHorizon(horizon_days=h, churn_probability=None, percentile=None, channel_churn_probability=leaving[h], beyond_history=True)
        for h in sorted(set(horizons))
        if leaving[h] is not None
    ]
    return {
        "stage": segments.stage,
        "layer": segments.layer,
        "churn": churn,
        "churn_undefined": "never_ordered",
        "expected_margin_28d": cents(0.0),
        "reasons": [],
    }


def _worth(scores: ValueScores | None) -> dict[str, Any]:
    """Fields of `Expectations`; empty without the model."""
    if scores is None:
        return {}
    money = {name: cents(float(getattr(scores, name)[0])) for name in ("predicted_clv", "predicted_clv_low", "predicted_clv_high")}
    return {
        **money,
        "clv_percentile": round(float(scores.percentile[0]), 1),
        "predicted_orders": round(float(scores.predicted_orders[0]), 2),
        "probability_alive": probability(scores.probability_alive[0]),
    }


def _needs(context: CustomerContext) -> list[Need]:
    model, inputs, customer = context.live.models.repurchase, context.category_inputs, context.customer
    if model is None or inputs is None or customer is None:
        return []
    needs = category_needs(model, *inputs)
    quantities = usual_quantities(customer.category_features)
    catalogue = context.live.catalogue
    own = catalogue.own_products(customer.recent.product_ids.tolist())
    return [
        Need(
            category=customer.categories[row],
            name=catalogue.category_name(customer.categories[row]),
            probability_14d=probability(needs.probability_14d[row]),
            probability_28d=probability(needs.probability_28d[row]),
            due_date=expected_date(customer.as_of, float(needs.days_until_due[row])),
            usual_quantity=round(float(quantities[row]), 2),
            usual_product_id=catalogue.usual_product(customer.categories[row], own),
        )
        for row in np.argsort(-needs.probability_14d, kind="stable")[:_MAX_NEEDS].tolist()
    ]
