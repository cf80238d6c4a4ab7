"""Lets a request pass to its route, or not: what the gate found out of who sent it, against what the route needs."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request

from serving.access.access import OPEN_ACTOR, Grant
from serving.access.errors import KeyRefused
from serving.access.scopes import Scope
from serving.api.gate import GRANT
from serving.api.problems import documented
from serving.api.route_scopes import EVENT_PATHS, scope_of
from serving.services import Services

_KEY_IN_BODY = "Send a key of the service as `Authorization: Bearer KEY`, as the user name of HTTP Basic, or as `writeKey` in the body."
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key made by `huitou keys create`, with the scope that is named."},
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "The same key as user name, no password: as Segment's libraries do.",
    },
}


async def guard(request: Request) -> None:
    """Dependency of every route.

    The routes that take events see to it themselves where the head has no key: Segment's libraries put it into the body.

    Raises:
        KeyRefused: the request has no key, and the route needs one.
        ScopeMissing: its key is not good for this route.
    """
    path = request.scope["route"].path
    needed = scope_of(request.method, path)
    if needed is None:
        return
    grant: Grant | None = request.scope.get(GRANT)
    if grant is not None:
        grant.demand(needed)
    elif path not in EVENT_PATHS:
        raise KeyRefused(_KEY_IN_BODY)


def actor_of(request: Request) -> str:
    """Who asks, for the audit log: the key's name; `api` while no key is needed."""
    grant: Grant | None = request.scope.get(GRANT)
    return OPEN_ACTOR if grant is None else grant.actor


def demand_key_in_body(services: Services, request: Request, told: object) -> None:
    """Let events pass whose sender put the key into the body; what the head says counts before it.

    Args:
        services: with the keys.
        request: that the gate has seen.
        told: parsed JSON of the body.

    Raises:
        KeyRefused, ScopeMissing, RateExceeded: not let in.
    """
    if request.scope.get(GRANT) is not None:
        return
    key = told.get("writeKey") if isinstance(told, dict) else None
    if not isinstance(key, str) and services.access.locked:
        raise KeyRefused(_KEY_IN_BODY)
    services.access.prove(str(key).encode("utf-8", "replace")).demand(Scope.INGEST)


def describe_security(app: FastAPI) -> None:
    """Make the OpenAPI document say which scope each operation needs."""
    described = app.openapi

    def with_security() -> dict[str, Any]:
        document = described()
        document.setdefault("components", {})["securitySchemes"] = _SCHEMES
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                scope = scope_of(method.upper(), path)
                operation["security"] = [] if scope is None else [{name: [scope.value]} for name in _SCHEMES]
                if scope is not None:
                    operation["responses"] |= {
                        str(status): {k: v for k, v in entry.items() if k != "model"}
                        for status, entry in documented(401, 403, 429).items()
                        if status != 422
                    }
        return document

    app.openapi = with_security  # type: ignore[method-assign]
