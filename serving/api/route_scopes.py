"""Which scope each route needs: the one page that says who may do what. A route that does not stand here needs `admin`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from serving.access.scopes import Scope

# A sender's library may put its key into the body of these.
EVENT_PATHS: Final = ("/v1/events", "/v1/batch", "/v1/track", "/v1/identify", "/v1/alias", "/v1/page", "/v1/screen", "/v1/group")
OPEN: Final = "/healthz"  # for whatever restarts the service: says that the process answers, nothing else
SCHEMA: Final = "/openapi.json"  # added by FastAPI, past the application's dependencies

_FED = ("products", "offers", "bundles", "content")
_READ, _PUT, _POST, _DELETE = "GET", "PUT", "POST", "DELETE"
_NEEDED: Mapping[tuple[str, str], Scope] = {
    (_POST, "/v1/next-best-offers"): Scope.DECIDE,
    (_POST, "/v1/next-best-offers/batch"): Scope.DECIDE,
    (_POST, "/v1/recommendations"): Scope.DECIDE,
    (_POST, "/v1/bundles"): Scope.DECIDE,
    (_READ, "/v1/decisions/{decision_id}"): Scope.DECIDE,
    (_READ, "/v1/replenishments/due"): Scope.DECIDE,
    (_READ, "/v1/customers/{customer_id}"): Scope.DECIDE,
    (_READ, "/v1/customers/{customer_id}/scores"): Scope.DECIDE,
    (_READ, "/v1/customers/{customer_id}/consents"): Scope.DECIDE,
    (_READ, "/v1/customers/{customer_id}/identities"): Scope.DECIDE,
    **{(_POST, path): Scope.INGEST for path in EVENT_PATHS},
    (_POST, "/v1/outcomes"): Scope.INGEST,
    (_PUT, "/v1/consents"): Scope.INGEST,
    (_POST, "/v1/identities"): Scope.INGEST,
    (_DELETE, "/v1/identities/{link_id}"): Scope.INGEST,
    **{(_PUT, f"/v1/{name}"): Scope.INGEST for name in (*_FED, "stock")},
    **{(_READ, f"/v1/{name}"): Scope.INGEST for name in (*_FED, "stock")},
    **{(_READ, f"/v1/{name}/{{document_id}}"): Scope.INGEST for name in _FED},
    (_READ, "/v1/stock/{product_id}"): Scope.INGEST,
    (_PUT, "/v1/experiments"): Scope.ADMIN,
    (_READ, "/v1/experiments"): Scope.ADMIN,
    (_READ, "/v1/experiments/{experiment_id}"): Scope.ADMIN,
    (_READ, "/readyz"): Scope.ADMIN,
    (_READ, "/metrics"): Scope.ADMIN,
    (_READ, "/v1/customers/{customer_id}/data"): Scope.ERASE,
    (_DELETE, "/v1/customers/{customer_id}"): Scope.ERASE,
    (_READ, "/v1/erasures/{erasure_id}"): Scope.ERASE,
}


def scope_of(method: str, path: str) -> Scope | None:
    """What a route needs; None: it is open.

    Args:
        method: of HTTP, upper case.
        path: as the route was declared, with its parameters' names.
    """
    return None if path == OPEN else _NEEDED.get((method, path), Scope.ADMIN)


def is_thought_of(method: str, path: str) -> bool:
    """Whether somebody decided what the route needs, rather than nobody having thought of it."""
    return path == OPEN or (method, path) in _NEEDED
