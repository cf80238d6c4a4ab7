"""What every request meets first: limits of its head, who may have made a browser send it, who sends it; and what every answer carries.

Pure ASGI, before any body is read: a stranger costs a few microseconds and no memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from features.errors import HuitouError
from serving.access.access import SEND_A_KEY, Access, Grant
from serving.access.errors import CallerForeign, KeyRefused
from serving.access.scopes import Scope
from serving.api.foreign import is_local_name, is_same_host
from serving.api.problems import problem_of
from serving.api.route_scopes import EVENT_PATHS, OPEN, SCHEMA
from serving.asgi import ASGIApp, Message, Receive, Send, came
from serving.asgi import Scope as Asgi
from serving.errors import AddressTooLong, HeadTooLarge

GRANT: Final = "huitou.grant"  # in the ASGI scope; None: of an event whose key may be in its body
STRANGER_BYTES: Final = 1_048_576  # of a body whose key is in it: Segment's libraries send half of this at most
_ADDRESS_BYTES = 8_192
_HEAD_BYTES = 32_768
HEADERS: Final = 100  # of one request
_STRANGER = Grant("nobody", frozenset())
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_KEY_IN_BODY = frozenset(EVENT_PATHS)

_ALWAYS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
_POLICY = b"content-security-policy"
SEAL: Final = (*_ALWAYS, (_POLICY, b"default-src 'none'; frame-ancestors 'none'"))


class Gate:
    """Middleware around the application."""

    def __init__(self, app: ASGIApp, policies: Mapping[str, str]) -> None:
        """Wrap an application.

        Args:
            app: the application.
            policies: path → content security policy, where an answer is more than data.
        """
        self.app = app
        self.seals = {path: (*_ALWAYS, (_POLICY, policy.encode())) for path, policy in policies.items()}

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        """Pass a request on with its grant, or answer why not."""
        services = getattr(scope["app"].state, "services", None) if scope["type"] == "http" else None
        if services is None:
            await self.app(scope, receive, send)
            return
        path: str = scope["path"]
        seal = self.seals.get(path, SEAL)
        grant: Grant | None = None

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                came(scope)  # whoever is refused on the way, and reads nothing, holds no place
                message["headers"] = [*message["headers"], *seal]
                if grant is not None and grant.bucket is not None:
                    message["headers"] += [(name.encode(), value.encode()) for name, value in grant.bucket.headers().items()]
            await send(message)

        try:
            grant = scope[GRANT] = _judged(scope, path, services.access)
        except HuitouError as refusal:
            await problem_of(refusal, instance=path[:200])(scope, receive, sealed)
            return
        await self.app(scope, receive, sealed)


def _judged(scope: Asgi, path: str, access: Access) -> Grant | None:
    """Whose request it is.

    Raises:
        AddressTooLong, HeadTooLarge: it is larger than anything lawful.
        CallerForeign: a page of somebody else's made it.
        KeyRefused, ScopeMissing, RateExceeded: not let in.
    """
    authorization, host, origin = _read_head(scope)
    if origin is not None and scope["method"] not in _SAFE and not is_same_host(origin, host):
        raise CallerForeign("A web page of another host may not send this; let your own server send it.")
    if is_reached_from_outside(access, host):
        raise CallerForeign(
            "Without keys the service answers only who asks it by a name of this machine, such as 127.0.0.1 or localhost; "
            "make a key with `huitou keys create` to be asked by another."
        )
    if path == OPEN:
        return _STRANGER
    grant = access.identify(authorization)
    if grant is None and (path not in _KEY_IN_BODY or scope["method"] != "POST"):
        raise KeyRefused(SEND_A_KEY)
    if path == SCHEMA and grant is not None:
        grant.demand(Scope.ADMIN)
    return grant


def is_reached_from_outside(access: Access, host: bytes) -> bool:
    """Whether a service without keys is asked by a name that is not this machine's."""
    return not access.locked and host != b"" and not is_local_name(host)


def _read_head(scope: Asgi) -> tuple[bytes | None, bytes, bytes | None]:
    """Authorization, Host and Origin of a request whose head has a lawful size."""
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > _ADDRESS_BYTES:
        raise AddressTooLong(f"An address may have at most {_ADDRESS_BYTES:,} bytes.")
    authorization, host, origin, size = None, b"", None, 0
    headers = scope["headers"]
    for name, value in headers:
        size += len(name) + len(value)
        if name == b"authorization":
            authorization = value
        elif name == b"host":
            host = value
        elif name == b"origin":
            origin = value
    if size > _HEAD_BYTES or len(headers) > HEADERS:
        raise HeadTooLarge(f"A request's head may have at most {HEADERS} headers and {_HEAD_BYTES:,} bytes.")
    return authorization, host, origin
