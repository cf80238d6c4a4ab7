"""`POST /v1/events` and the routes that Segment's own libraries call: events in, each answered, none lost."""

from __future__ import annotations

from collections import Counter

from fastapi import APIRouter, Request
from fastapi.responses import Response

from serving.api.bodies import parsed, unpacked
from serving.api.event_bodies import Sent, messages_of
from serving.api.event_schemas import MAX_EVENTS, REQUEST_BODY, EventsAnswer, MessageReceipt
from serving.api.gate import GRANT, STRANGER_BYTES
from serving.api.guard import demand_key_in_body
from serving.api.problems import documented
from serving.api.route_scopes import EVENT_PATHS
from serving.errors import BodyTooLarge
from serving.intake import Receipt, Status, take_in
from serving.services import Services

router = APIRouter(tags=["events"])

_PROBLEMS = documented(400, 401, 413, 415, 503, 507)


@router.post("/v1/events", response_model=EventsAnswer, responses=_PROBLEMS, openapi_extra=REQUEST_BODY)
async def events(request: Request) -> Response:
    """Take events in: Segment envelopes, one, a list or `{"batch": […]}`; CloudEvents 1.0, structured, batch or binary.

    What is called accepted is committed. A repeated message id changes nothing. A bad event is answered with its place and the reason; the
    good ones are kept.
    """
    return await _take(request)


async def segment_call(request: Request) -> Response:
    """As `/v1/events`: where Segment's libraries send to."""
    return await _take(request)


for _path in EVENT_PATHS[1:]:
    router.post(_path, response_model=EventsAnswer, include_in_schema=False)(segment_call)


async def _take(request: Request) -> Response:
    services: Services = request.app.state.services
    body = await request.body()
    # Aside: parsing a thousand events and committing them takes tens of milliseconds in which other requests are answered.
    answer = await services.aside(_taken, services, request, body)
    return Response(answer.model_dump_json(exclude_none=True), media_type="application/json")


def _taken(services: Services, request: Request, body: bytes) -> EventsAnswer:
    sent = Sent.of(request.url.path, request.headers)
    limit = services.settings.events_limit_bytes
    plain = unpacked(request, body, limit if request.scope.get(GRANT) is not None else min(limit, STRANGER_BYTES))
    told = None if sent.attributes and not plain else parsed(plain)
    demand_key_in_body(services, request, told)
    messages, read = messages_of(told, sent)
    if len(messages) > MAX_EVENTS:
        raise BodyTooLarge(f"{len(messages):,} messages in one call; at most {MAX_EVENTS:,} are taken at a time.")
    receipts = take_in(services.ledger, messages, read)
    counted = Counter(receipt.status for receipt in receipts)
    services.telemetry.taken_in(counted)
    return EventsAnswer(
        success=True,
        accepted=counted[Status.ACCEPTED],
        duplicates=counted[Status.DUPLICATE],
        erased=counted[Status.ERASED],
        refused=counted[Status.REFUSED],
        messages=[_view(receipt) for receipt in receipts if receipt.status is not Status.ACCEPTED or receipt.reason],
    )


def _view(receipt: Receipt) -> MessageReceipt:
    return MessageReceipt(
        index=receipt.index, message_id=receipt.message_id, status=receipt.status, field=receipt.field, reason=receipt.reason
    )
