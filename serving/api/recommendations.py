"""`POST /v1/recommendations` and `POST /v1/bundles`: products and sets of products a customer may like."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from serving.api.answer_schemas import provenance
from serving.api.fields import probability
from serving.api.problems import documented
from serving.api.recommendation_schemas import (
    BundlesAnswer,
    BundlesRequest,
    RecommendationsAnswer,
    RecommendationsRequest,
    RecommendedBundle,
    RecommendedItem,
)
from serving.catalogue import Catalogue
from serving.customer_context import CustomerContext
from serving.decisioning.engine import OfferRequest, open_context
from serving.live import Live
from serving.numberless import told as no_number
from serving.offers.protocol import cents
from serving.services import Services

router = APIRouter(tags=["recommendations"])


@router.post("/v1/recommendations", response_model=RecommendationsAnswer, responses=documented(400, 413))
async def recommendations(body: RecommendationsRequest, request: Request) -> Response:
    """Products for one customer, or what is popular. Never out of stock, in the cart, or just bought."""
    services: Services = request.app.state.services
    asked, told = await _asked(services, body)

    def answered(live: Live) -> _Answered:
        context, degraded, silent = _opened(services, live, asked, "items")
        return _Answered(
            RecommendationsAnswer(
                customer_id=body.customer_id,
                personalized=context.personal,
                items=_stand_in(context, body) if context.live.models.items is None or silent else _ranked(context, body),
                **provenance(context.live, degraded | told),
            ),
            silent,
        )

    return _told(services, services.answering(answered, _is_silent))


@router.post("/v1/bundles", response_model=BundlesAnswer, responses=documented(400, 413))
async def bundles(body: BundlesRequest, request: Request) -> Response:
    """Sets for one customer, or what is popular. Empty, and degraded, where there is no bundle model: nothing else knows sets."""
    services: Services = request.app.state.services
    asked, told = await _asked(services, body)

    def answered(live: Live) -> _Answered:
        context, degraded, silent = _opened(services, live, asked, "bundles")
        return _Answered(
            BundlesAnswer(
                customer_id=body.customer_id,
                personalized=context.personal,
                bundles=_bundles(context, body.limit),
                **provenance(context.live, degraded | told),
            ),
            silent,
        )

    return _told(services, services.answering(answered, _is_silent))


@dataclass(frozen=True)
class _Answered:
    """An answer, and the model that gave no number for it, if that is so."""

    answer: RecommendationsAnswer | BundlesAnswer
    silent: tuple[str, ...]


def _is_silent(made: _Answered) -> bool:
    return bool(made.silent)


def _told(services: Services, made: _Answered) -> Response:
    services.telemetry.numberless(made.silent)
    services.telemetry.degraded(part.part for part in made.answer.degraded_reasons)
    return Response(made.answer.model_dump_json(), media_type="application/json")


async def _asked(services: Services, body: RecommendationsRequest | BundlesRequest) -> tuple[OfferRequest, dict[str, str]]:
    asked = body.customer_id if body.personalized else None  # where nothing personal is wanted, nothing of anybody is looked up
    permitted = await services.permissions.asked(asked, services.outbound_channels)
    wanted = OfferRequest(permitted.customer_id, cart=body.cart, personalized=body.personalized and permitted.personal)
    return wanted, permitted.degraded


def _opened(services: Services, live: Live, asked: OfferRequest, model: str) -> tuple[CustomerContext, dict[str, str], tuple[str, ...]]:
    """The customer, what is degraded, and the model if it gives no number for them."""
    context, degraded = open_context(live, asked, now=services.now)
    liked = context.likings
    silent = (model,) if (liked.items_numberless if model == "items" else liked.bundles_numberless) else ()
    return context, degraded | context.live.models.degraded([model]) | services.staleness() | no_number(silent), silent


def _ranked(context: CustomerContext, body: RecommendationsRequest) -> list[RecommendedItem]:
    catalogue = context.live.catalogue
    best = context.likings.best_items(body.limit, explore=body.explore)
    # Of somebody known who never ordered the order is worth telling, the chance is not: it was learned from customers who ordered.
    told = context.customer is None or context.customer.has_ordered
    return [_item(catalogue, item.product_id, item.score, item.probability if told else None) for item in best]


def _stand_in(context: CustomerContext, body: RecommendationsRequest) -> list[RecommendedItem]:
    """Without a model: what the customer bought most often, then each category's best sellers. Safe: all of it sells, and none is empty."""
    catalogue, recent = context.live.catalogue, context.recent
    by_count = sorted(zip((-recent.purchases).tolist(), recent.product_ids.tolist(), strict=True))
    own = [product for _, product in by_count]
    wanted = catalogue.best_sellers if body.explore else (*own, *catalogue.best_sellers)
    barred = {*context.barred, *own} if body.explore else context.barred
    lawful = (p for p in dict.fromkeys(wanted) if p not in barred and catalogue.offerable(p))
    return [_item(catalogue, product, None, None) for product, _ in zip(lawful, range(body.limit), strict=False)]


def _bundles(context: CustomerContext, limit: int) -> list[RecommendedBundle]:
    model, catalogue = context.live.models.bundles, context.live.catalogue
    if model is None:
        return []
    best = model.recommend(context.recent, limit=limit, active=context.bundle_mask, just_bought=context.cart)
    kept = 1.0 - catalogue.assumptions.offers.bundle_discount
    return [
        RecommendedBundle(
            bundle_id=bundle.bundle_id,
            items=[_item(catalogue, product, None, None) for product in bundle.product_ids],
            price=cents(kept * sum(catalogue.price(product) for product in bundle.product_ids)),
            probability=probability(bundle.probability),
            support=bundle.support,
            lift=round(bundle.lift, 2),
        )
        for bundle in best
    ]


def _item(catalogue: Catalogue, product_id: str, score: float | None, chance: float | None) -> RecommendedItem:
    product = catalogue.product(product_id)
    price = None if product is None or product.price is None else cents(product.price)
    return RecommendedItem(
        product_id=product_id,
        name=catalogue.name(product_id),
        price=price,
        score=None if score is None else round(score, 4),
        probability=None if chance is None else probability(chance),
    )
