"""Who may write: HTTP Basic with a write key as the user name; for events also `writeKey` in the body. Keys are compared, never logged.

Every route that is not a plain look-up demands a key, a new one too, unless it stands below: who forgets to think of it has locked a door.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence

from fastapi import Request

from serving.errors import KeyRefused
from serving.services import Services

EVENT_PATHS = ("/v1/events", "/v1/batch", "/v1/track", "/v1/identify", "/v1/alias", "/v1/page", "/v1/screen", "/v1/group")
_LOOKING = frozenset({"GET", "HEAD", "OPTIONS"})
# Questions that come with a body; all that is written is the service's own note of what it decided.
QUESTIONS = frozenset({"/v1/next-best-offers", "/v1/recommendations", "/v1/bundles"})
EXPORT = "/v1/customers/{customer_id}/data"  # everything of a person at once, and it is noted in the audit log


async def guard(request: Request) -> None:
    """Let a request pass to its route, or not; of every route of the application, before its body is looked at.

    The routes that take events see to it themselves: Segment's libraries put the key into the body.

    Raises:
        KeyRefused: keys are demanded, and the request has none of them.
    """
    services: Services = request.app.state.services
    if services.settings.accepted_keys and demanded(request.method, request.scope["route"].path):
        demand_key(services.settings.accepted_keys, key_of(request))


def demanded(method: str, path: str) -> bool:
    """Whether a route asks for a key in the request's head.

    Args:
        method: of HTTP, upper case.
        path: as the route was declared, with its parameters' names.
    """
    if method in _LOOKING:
        return path == EXPORT
    return path not in EVENT_PATHS and not (method == "POST" and path in QUESTIONS)


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
