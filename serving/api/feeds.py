"""`PUT /v1/products`, `/v1/stock`, `/v1/offers`, `/v1/bundles`, `/v1/content`: what the shop has to offer, as it changes."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ValidationError

from features.ledger.catalogue import Kind, document, documents, put_documents, put_stock, stock_level, stock_page
from features.offers.offer import Offer
from features.sources.incoming import refusal
from serving.api.bodies import parsed, read_body
from serving.api.feed_schemas import (
    MAX_ITEMS,
    BundleFed,
    ContentFed,
    DocumentsAnswer,
    FeedAnswer,
    ProductFed,
    RefusedItem,
    StockAnswer,
    StockFed,
    request_body,
)
from serving.api.fields import OpaqueId
from serving.api.offer_admission import admitted
from serving.api.problems import documented
from serving.errors import BodyMalformed, BodyTooLarge, DocumentUnknown
from serving.intake import shown
from serving.services import Services

router = APIRouter(tags=["catalogue"])

FEED_PATHS = ("/v1/products", "/v1/stock", "/v1/offers", "/v1/bundles", "/v1/content")
_PAGE = 200
ItemT = TypeVar("ItemT", bound=BaseModel)
_EXAMPLES: dict[type[BaseModel], dict[str, Any]] = {
    ProductFed: {"product_id": "995242", "name": "Milk 1 l", "product_category": "FLUID MILK", "brand": "National"},
    StockFed: {"product_id": "995242", "quantity": 0},
    Offer: {
        "offer_id": "spring",
        "type": "coupon",
        "title": {"en": "Spring", "zh": "春天"},
        "product_ids": ["995242"],
        "channels": ["wecom"],
        "discount": 2.0,
        "conditions": {
            "all": [{"field": "order_count", "op": "ge", "value": 2}, {"field": "stage", "op": "in", "value": ["buyer", "loyal"]}]
        },
    },
    BundleFed: {"bundle_id": "breakfast", "label": "Breakfast", "product_ids": ["995242", "1082185"]},
    ContentFed: {"content_id": "live-7", "type": "live", "title": {"en": "How to clean skin", "zh": "如何洁面"}, "product_ids": ["995242"]},
}


def _documents_route(path: str, kind: Kind, item: type[BaseModel], key: str) -> None:
    async def put(request: Request) -> Response:
        services: Services = request.app.state.services
        answer = await services.aside(_put_documents, services, await read_body(request), kind, item, key)
        return Response(answer.model_dump_json(), media_type="application/json")

    async def listed(
        request: Request,
        cursor: Annotated[OpaqueId | None, Query(description="`next_cursor` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=_PAGE)] = 50,
    ) -> Response:
        services: Services = request.app.state.services
        answer = await asyncio.to_thread(_listed, services, kind, cursor, limit)
        return Response(answer.model_dump_json(), media_type="application/json")

    async def of_id(request: Request, document_id: Annotated[OpaqueId, Path()]) -> Response:
        services: Services = request.app.state.services
        return Response(await asyncio.to_thread(_document, services, kind, document_id), media_type="application/json")

    name = path.rsplit("/", 1)[-1]
    put.__doc__ = (
        f"Feed {name}: a later word about the same {key} replaces the earlier. Bad items come back by index; the good ones are kept."
    )
    listed.__doc__ = f"The {name} that were fed, by id, page by page."
    extra = request_body(item, _EXAMPLES[item])
    router.put(
        path, response_model=FeedAnswer, responses=documented(400, 401, 413, 415, 503, 507), openapi_extra=extra, name=f"put_{name}"
    )(put)
    router.get(path, response_model=DocumentsAnswer, responses=documented(503), name=f"list_{name}")(listed)
    of_id.__doc__ = "As it was last fed."
    router.get(f"{path}/{{document_id}}", response_model=item, responses=documented(404, 503), name=f"get_{name}")(of_id)


_documents_route("/v1/products", Kind.PRODUCT, ProductFed, "product_id")
_documents_route("/v1/offers", Kind.OFFER, Offer, "offer_id")
_documents_route("/v1/bundles", Kind.BUNDLE, BundleFed, "bundle_id")
_documents_route("/v1/content", Kind.CONTENT, ContentFed, "content_id")


@router.put(
    "/v1/stock",
    response_model=FeedAnswer,
    responses=documented(400, 401, 413, 415, 503, 507),
    openapi_extra=request_body(StockFed, _EXAMPLES[StockFed]),
)
async def stock(request: Request) -> Response:
    """Feed stock levels. A product that is sold out leaves every answer within a second, and comes back as fast."""
    services: Services = request.app.state.services
    answer = await services.aside(_put_stock, services, await read_body(request))
    return Response(answer.model_dump_json(), media_type="application/json")


@router.get("/v1/stock", response_model=StockAnswer, responses=documented(503), name="list_stock")
async def stock_listed(
    request: Request,
    cursor: Annotated[OpaqueId | None, Query(description="`next_cursor` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=_PAGE)] = 50,
) -> StockAnswer:
    """The stock levels that were fed, by product, page by page. What an import said and nobody fed since is not among them."""
    services: Services = request.app.state.services
    return await asyncio.to_thread(_stock_listed, services, cursor, limit)


@router.get("/v1/stock/{product_id}", response_model=StockFed, responses=documented(404, 503), name="get_stock")
async def stock_of(request: Request, product_id: Annotated[OpaqueId, Path()]) -> StockFed:
    """As it was last fed."""
    services: Services = request.app.state.services
    return await asyncio.to_thread(_stock_of, services, product_id)


def _put_documents(services: Services, body: bytes, kind: Kind, item: type[BaseModel], key: str) -> FeedAnswer:
    good, malformed = judged(body, item)
    good, unfit = admitted(services, good)
    refused = sorted([*malformed, *unfit], key=lambda one: one.index)
    bodies = {str(getattr(one, key)): one.model_dump_json(exclude_none=True) for one in good.values()}
    with services.ledger.database.writing() as connection:
        put_documents(connection, kind, bodies, at=services.ledger.clock())
    return FeedAnswer(accepted=len(good), refused=len(refused), items=refused)


def _put_stock(services: Services, body: bytes) -> FeedAnswer:
    good, refused = judged(body, StockFed)
    with services.ledger.database.writing() as connection:
        put_stock(connection, {one.product_id: one.quantity for one in good.values()}, at=services.ledger.clock())
    return FeedAnswer(accepted=len(good), refused=len(refused), items=refused)


def _stock_listed(services: Services, cursor: str | None, limit: int) -> StockAnswer:
    with services.ledger.database.reading() as connection:
        found = stock_page(connection, beyond=cursor, limit=limit + 1)
    page = [StockFed(product_id=level.product_id, quantity=level.quantity) for level in found[:limit]]
    return StockAnswer(items=page, next_cursor=page[-1].product_id if len(found) > limit else None)


def _stock_of(services: Services, product_id: str) -> StockFed:
    with services.ledger.database.reading() as connection:
        level = stock_level(connection, product_id)
    if level is None:
        raise DocumentUnknown(f"No stock of {product_id} was fed.")
    return StockFed(product_id=level.product_id, quantity=level.quantity)


def _listed(services: Services, kind: Kind, cursor: str | None, limit: int) -> DocumentsAnswer:
    with services.ledger.database.reading() as connection:
        found = documents(connection, kind, beyond=cursor, limit=limit + 1)
    page = list(found.items())[:limit]
    more = len(found) > limit
    return DocumentsAnswer(items=[json.loads(body) for _, body in page], next_cursor=page[-1][0] if more else None)


def _document(services: Services, kind: Kind, document_id: str) -> str:
    with services.ledger.database.reading() as connection:
        found = document(connection, kind, document_id)
    if found is None:
        raise DocumentUnknown(f"No {kind} {document_id} was fed.")
    return found


def judged(body: bytes, item: type[ItemT], *, one: bool = False) -> tuple[dict[int, ItemT], list[RefusedItem]]:
    """Items of a body `{"items": […]}` (or a bare list), each judged by itself: the good ones by their place, and the others.

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
    good: dict[int, ItemT] = {}
    refused: list[RefusedItem] = []
    for index, raw in enumerate(items):
        try:
            good[index] = item.model_validate(raw)
        except ValidationError as error:
            wrong = refusal(error, whole="item")
            refused.append(RefusedItem(index=index, field=shown(wrong.field), reason=shown(wrong.reason)))
    return good, refused
