"""`PUT /v1/products`, `/v1/stock`, `/v1/offers`, `/v1/bundles`, `/v1/content`: what the shop has to offer, as it changes."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import ValidationError

from features.ledger.catalogue import Kind, documents, put_documents, put_stock
from serving.api.bodies import parsed
from serving.api.feed_schemas import (
    MAX_ITEMS,
    BundleFed,
    ContentFed,
    DocumentsAnswer,
    Fed,
    FeedAnswer,
    OfferFed,
    ProductFed,
    RefusedItem,
    StockFed,
    request_body,
)
from serving.api.problems import documented
from serving.errors import BodyMalformed, BodyTooLarge
from serving.services import Services

router = APIRouter(tags=["catalogue"])

FEED_PATHS = ("/v1/products", "/v1/stock", "/v1/offers", "/v1/bundles", "/v1/content")
_PAGE = 200
ItemT = TypeVar("ItemT", bound=Fed)
_EXAMPLES: dict[type[Fed], dict[str, Any]] = {
    ProductFed: {"product_id": "995242", "name": "Milk 1 l", "product_category": "FLUID MILK", "brand": "National"},
    StockFed: {"product_id": "995242", "quantity": 0},
    OfferFed: {
        "offer_id": "spring",
        "type": "coupon",
        "title": {"en": "Spring", "zh": "春天"},
        "product_ids": ["995242"],
        "channels": ["wecom"],
    },
    BundleFed: {"bundle_id": "breakfast", "label": "Breakfast", "product_ids": ["995242", "1082185"]},
    ContentFed: {"content_id": "live-7", "type": "live", "title": {"en": "How to clean skin", "zh": "如何洁面"}, "product_ids": ["995242"]},
}


def _documents_route(path: str, kind: Kind, item: type[Fed], key: str) -> None:
    async def put(request: Request) -> Response:
        services: Services = request.app.state.services
        answer = await asyncio.to_thread(_put_documents, services, await request.body(), kind, item, key)
        return Response(answer.model_dump_json(), media_type="application/json")

    async def listed(
        request: Request,
        cursor: Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=_PAGE)] = 50,
    ) -> Response:
        services: Services = request.app.state.services
        answer = await asyncio.to_thread(_listed, services, kind, cursor, limit)
        return Response(answer.model_dump_json(), media_type="application/json")

    name = path.rsplit("/", 1)[-1]
    put.__doc__ = (
        f"Feed {name}: a later word about the same {key} replaces the earlier. Bad items come back by index; the good ones are kept."
    )
    listed.__doc__ = f"The {name} that were fed, by id, page by page."
    extra = request_body(item, _EXAMPLES[item])
    router.put(path, response_model=FeedAnswer, responses=documented(400, 413, 503, 507), openapi_extra=extra, name=f"put_{name}")(put)
    router.get(path, response_model=DocumentsAnswer, responses=documented(503), name=f"list_{name}")(listed)


_documents_route("/v1/products", Kind.PRODUCT, ProductFed, "product_id")
_documents_route("/v1/offers", Kind.OFFER, OfferFed, "offer_id")
_documents_route("/v1/bundles", Kind.BUNDLE, BundleFed, "bundle_id")
_documents_route("/v1/content", Kind.CONTENT, ContentFed, "content_id")


@router.put(
    "/v1/stock",
    response_model=FeedAnswer,
    responses=documented(400, 413, 503, 507),
    openapi_extra=request_body(StockFed, _EXAMPLES[StockFed]),
)
async def stock(request: Request) -> Response:
    """Feed stock levels. A product that is sold out leaves every answer within a second, and comes back as fast."""
    services: Services = request.app.state.services
    answer = await asyncio.to_thread(_put_stock, services, await request.body())
    return Response(answer.model_dump_json(), media_type="application/json")


def _put_documents(services: Services, body: bytes, kind: Kind, item: type[Fed], key: str) -> FeedAnswer:
    good, refused = judged(body, item)
    bodies = {str(getattr(one, key)): one.model_dump_json(exclude_none=True) for one in good}
    with services.ledger.database.writing() as connection:
        put_documents(connection, kind, bodies, at=services.ledger.clock())
    return FeedAnswer(accepted=len(good), refused=len(refused), items=refused)


def _put_stock(services: Services, body: bytes) -> FeedAnswer:
    good, refused = judged(body, StockFed)
    with services.ledger.database.writing() as connection:
        put_stock(connection, {one.product_id: one.quantity for one in good}, at=services.ledger.clock())
    return FeedAnswer(accepted=len(good), refused=len(refused), items=refused)


def _listed(services: Services, kind: Kind, cursor: str | None, limit: int) -> DocumentsAnswer:
    with services.ledger.database.reading() as connection:
        found = documents(connection, kind, beyond=cursor, limit=limit + 1)
    page = list(found.items())[:limit]
    more = len(found) > limit
    return DocumentsAnswer(items=[json.loads(body) for _, body in page], next_cursor=page[-1][0] if more else None)


def judged(body: bytes, item: type[ItemT], *, one: bool = False) -> tuple[list[ItemT], list[RefusedItem]]:
    """Items of a body `{"items": […]}` (or a bare list), each judged by itself.

    Args:
        body: JSON.
        item: its items' form.
        one: whether a single item may stand for a list of one.

    Raises:
        BodyMalformed: not such a body.
        BodyTooLarge: more items than are taken at a time.
    """
    told = parsed(body)
    if one and isinstance(told, dict) and "items" not in told:
        told = [told]
    items = told.get("items") if isinstance(told, dict) else told
    if not isinstance(items, list):
        raise BodyMalformed('The body is neither {"items": [...]} nor a list.')
    if len(items) > MAX_ITEMS:
        raise BodyTooLarge(f"{len(items):,} items in one call; at most {MAX_ITEMS:,} are taken at a time.")
    good: list[ItemT] = []
    refused: list[RefusedItem] = []
    for index, raw in enumerate(items):
        try:
            good.append(item.model_validate(raw))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            refused.append(RefusedItem(index=index, field=".".join(map(str, first["loc"])) or "item", reason=str(first["msg"])))
    return good, refused
