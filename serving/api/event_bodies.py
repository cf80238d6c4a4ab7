"""The messages in the body of a call that brings events, and how each is read: pure, so that anything can be thrown at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from features.sources.cloudevents import read_cloud_event
from features.sources.incoming import Incoming
from features.sources.messages import read_message
from serving.errors import BodyMalformed
from serving.intake import Reader

_CE = "ce-"  # headers of a CloudEvent in binary mode: its attributes; the body then is its data


@dataclass(frozen=True)
class Sent:
    """What a call says besides its body.

    Attributes:
        content_type: without parameters, lower case.
        call: last part of the path; those of the single calls are the message's type.
        attributes: of a CloudEvent in binary mode; empty otherwise.
    """

    content_type: str
    call: str
    attributes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, path: str, headers: Mapping[str, str]) -> Sent:
        """Of a request's path and headers, whose names are in lower case."""
        content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        binary = f"{_CE}specversion" in headers
        attributes = {name[len(_CE) :]: unquote(value) for name, value in headers.items() if name.startswith(_CE)} if binary else {}
        return cls(content_type, path.rsplit("/", 1)[-1], attributes)


def messages_of(told: object, sent: Sent) -> tuple[list[Any], Reader]:
    """The messages of a body, and how one is read.

    Args:
        told: parsed JSON.
        sent: what the call says besides.

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
        return [told if sent.call in {"events", "batch"} else {"type": sent.call, **told}], read_message
    raise BodyMalformed('The body is neither a message, nor a list of messages, nor {"batch": [...]}.')


def _cloud(message: object, now: datetime) -> Incoming:
    return read_cloud_event(message, now=now)
