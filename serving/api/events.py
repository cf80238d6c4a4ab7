"""`POST /v1/events` and the routes that Segment's own libraries call: events in, each answered, none lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from features.sources.cloudevents import read_cloud_event
from features.sources.incoming import Incoming
from features.sources.messages import read_message
from serving.api.bodies import parsed, unpacked
from serving.api.event_schemas import MAX_EVENTS, REQUEST_BODY, EventsAnswer, MessageReceipt
from serving.api.problems import documented
from serving.api.write_keys import EVENT_PATHS, demand_key, key_of
from serving.errors import BodyMalformed, BodyTooLarge
from serving.intake import Reader, Receipt, Status, take_in
from serving.services import Services

router = APIRouter(tags=["events"])

_PROBLEMS = documented(400, 401, 413, 415, 503, 507)
_CE = "ce-"  # headers of a CloudEvent in binary mode: its attributes; the body then is its data


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


@dataclass(frozen=True)
class _Sent:
    """What a request says besides its body."""

    content_type: str
    path: str
    attributes: Mapping[str, str]  # of a CloudEvent in binary mode; empty otherwise


async def _take(request: Request) -> Response:
    services: Services = request.app.state.services
    key = key_of(request)
    if key is not None:
        demand_key(services.settings.accepted_keys, key)  # before anything is unpacked for a stranger
    body = await request.body()
    # Aside: parsing a thousand events and committing them takes tens of milliseconds in which other requests are answered.
    answer = await services.aside(_taken, services, request, body, key)
    return Response(answer.model_dump_json(exclude_none=True), media_type="application/json")


def _taken(services: Services, request: Request, body: bytes, key: str | None) -> EventsAnswer:
    sent = _sent(request)
    plain = unpacked(request, body, services.settings.events_limit_bytes)
    told = None if sent.attributes and not plain else parsed(plain)
    demand_key(services.settings.accepted_keys, key, told)
    messages, read = _messages(told, sent)
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


def _sent(request: Request) -> _Sent:
    headers = request.headers
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    binary = f"{_CE}specversion" in headers
    attributes = {name[len(_CE) :]: unquote(value) for name, value in headers.items() if name.startswith(_CE)} if binary else {}
    return _Sent(content_type, request.url.path.rsplit("/", 1)[-1], attributes)


def _messages(told: object, sent: _Sent) -> tuple[list[Any], Reader]:
    """The messages of a body, and how one is read.

    Raises:
        BodyMalformed: not what the content type says, or neither an object nor a list.
    """
    if sent.attributes:
        return [{**sent.attributes, "data": told}], _cloud
    if sent.content_type == "application/cloudevents-batch+json":
        if not isinstance(told, list):
            raise BodyMalformed("A CloudEvents batch is a JSON list.")
        return told, _cloud
    if sent.content_type == "application/cloudevents+json":
        if not isinstance(told, dict):
            raise BodyMalformed("A structured CloudEvent is a JSON object.")
        return [told], _cloud
    if isinstance(told, dict) and isinstance(told.get("batch"), list):
        return told["batch"], read_message
    if isinstance(told, list):
        return told, read_message
    if isinstance(told, dict):
        # The single routes say the type in their path.
        return [told if sent.path in {"events", "batch"} else {"type": sent.path, **told}], read_message
    raise BodyMalformed('The body is neither a message, nor a list of messages, nor {"batch": [...]}.')


def _cloud(message: object, now: datetime) -> Incoming:
    return read_cloud_event(message, now=now)
