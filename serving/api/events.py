"""`POST /v1/events` and the routes that Segment's own libraries call: events in, each answered, none lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from features.sources.cloudevents import read_cloud_event
from features.sources.incoming import Incoming
from features.sources.segment import read_envelope
from serving.api.bodies import inflated, parsed
from serving.api.event_schemas import MAX_EVENTS, REQUEST_BODY, EventsAnswer, MessageReceipt
from serving.api.problems import documented
from serving.errors import BodyMalformed, BodyTooLarge
from serving.intake import Reader, Receipt, Status, take_in
from serving.services import Services

router = APIRouter(tags=["events"])

EVENT_PATHS = ("/v1/events", "/v1/batch", "/v1/track", "/v1/identify", "/v1/alias", "/v1/page", "/v1/screen", "/v1/group")


@router.post("/v1/events", response_model=EventsAnswer, responses=documented(400, 413, 503, 507), openapi_extra=REQUEST_BODY)
async def events(request: Request) -> Response:
    """Take events in: Segment envelopes, one, a list or `{"batch": […]}`; CloudEvents 1.0, structured or batch, by content type.

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
    if request.headers.get("content-encoding", "").lower() == "gzip":
        body = inflated(body, services.settings.events_limit_bytes)
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    last = request.url.path.rsplit("/", 1)[-1]
    # Aside: parsing a thousand events and committing them takes tens of milliseconds in which other requests are answered.
    answer = await asyncio.to_thread(_taken, services, body, content_type, last)
    return Response(answer.model_dump_json(exclude_none=True), media_type="application/json")


def _taken(services: Services, body: bytes, content_type: str, path: str) -> EventsAnswer:
    messages, read = _messages(parsed(body), content_type, path)
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


def _messages(told: object, content_type: str, path: str) -> tuple[list[Any], Reader]:
    """The messages of a body, and how one is read.

    Raises:
        BodyMalformed: neither an object nor a list.
    """
    if content_type == "application/cloudevents-batch+json":
        if not isinstance(told, list):
            raise BodyMalformed("A CloudEvents batch is a JSON list.")
        return told, _cloud
    if content_type == "application/cloudevents+json":
        if not isinstance(told, dict):
            raise BodyMalformed("A structured CloudEvent is a JSON object.")
        return [told], _cloud
    if isinstance(told, dict) and isinstance(told.get("batch"), list):
        return told["batch"], _segment
    if isinstance(told, list):
        return told, _segment
    if isinstance(told, dict):
        # The single routes say the type in their path.
        return [{"type": path, **told} if path not in {"events", "batch"} else told], _segment
    raise BodyMalformed('The body is neither a message, nor a list of messages, nor {"batch": [...]}.')


def _cloud(message: object, now: datetime) -> Incoming:
    return read_cloud_event(message, now=now)


def _segment(message: object, now: datetime) -> Incoming:
    # Whoever posts a CloudEvent as plain JSON means one.
    if isinstance(message, dict) and "specversion" in message:
        return read_cloud_event(message, now=now)
    return read_envelope(message, now=now)
