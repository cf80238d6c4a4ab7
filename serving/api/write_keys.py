"""Who may send events: HTTP Basic with a write key as the user name, or `writeKey` in the body. Keys are compared, never logged."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence

from fastapi import Request

from serving.errors import KeyRefused


def key_of(request: Request) -> str | None:
    """The write key of the request's Authorization header; None where there is none, empty where it is not Basic."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, told = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(told.strip(), validate=True).decode("utf-8").partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def demand_key(accepted: Sequence[str], header_key: str | None, body: object = None) -> None:
    """Let pass who carries one of the keys; everybody when no key is demanded.

    Args:
        accepted: the keys.
        header_key: of `key_of`; when it is given, what the body says does not count.
        body: parsed JSON; Segment's Node library has the key in it.

    Raises:
        KeyRefused: another key, or none.
    """
    if not accepted:
        return
    told: object = header_key
    if told is None and isinstance(body, dict):
        told = body.get("writeKey")
    given = (told if isinstance(told, str) else "").encode("utf-8", "replace")
    # Every key is compared, in a time that does not tell how far it fits.
    if sum([hmac.compare_digest(given, key.encode()) for key in accepted]) == 0:
        raise KeyRefused("Send one of the service's write keys as the user name of HTTP Basic authentication, or as writeKey in the body.")
