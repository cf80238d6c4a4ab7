"""`POST /v1/next-best-offers` without the framework around it: in the request path of others, finding the route costs as much as deciding.

The route stands in the application all the same (`next_best_offers`), where OpenAPI sees it, and takes whatever is not plain: a body that
does not validate, another content type. A test sends the same requests to both and compares the answers. Pure ASGI, the innermost
middleware: gate, limits, turns and metrics see these requests like all others.
"""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError

from features.errors import HuitouError
from serving.access.access import Grant
from serving.api.gate import GRANT
from serving.api.next_best_offers import PATH, answered, router
from serving.api.next_best_offers_schemas import NextBestOffersRequest
from serving.api.problems import problem_of
from serving.api.route_scopes import scope_of
from serving.asgi import ASGIApp, Message, Receive, Scope, Send

PLAIN: Final = frozenset({b"application/json", b"application/json; charset=utf-8"})  # the very words that everybody uses for JSON
_TYPE = b"content-type"


class DirectRoute:
    """Middleware that answers this one route itself."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap the application, which answers everything else."""
        self.app = app
        self.route = next(one for one in router.routes if getattr(one, "path", None) == PATH)
        self.needed = scope_of("POST", PATH)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        grant: Grant | None = scope.get(GRANT)
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST" or grant is None or not _is_plain(scope):
            await self.app(scope, receive, send)
            return
        message = await receive()
        body = _validated(message)
        if body is None:
            await self.app(scope, _once_more(message, receive), send)  # the framework says what is wrong
            return
        scope["route"] = self.route  # names the request in metrics and traces
        try:
            if self.needed is not None:
                grant.demand(self.needed)
            text = await answered(scope["app"].state.services, body, scope)
        except HuitouError as error:
            await problem_of(error, instance=scope["path"])(scope, receive, send)
            return
        head = [(b"content-length", str(len(text)).encode()), (_TYPE, b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": text})


def _is_plain(scope: Scope) -> bool:
    """Whether the body is said to be JSON."""
    return any(name == _TYPE and value in PLAIN for name, value in scope["headers"])


def _validated(message: Message) -> NextBestOffersRequest | None:
    """The body; None where it is not whole, not JSON or not valid."""
    if message["type"] != "http.request" or message.get("more_body", False):
        return None
    return read_question(message["body"])


def read_question(body: bytes) -> NextBestOffersRequest | None:
    """What a body asks; None where it is not JSON or not valid, as the framework will say."""
    try:
        return NextBestOffersRequest.model_validate_json(body)
    except ValidationError:
        return None


def _once_more(message: Message, receive: Receive) -> Receive:
    pending = [message]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay
