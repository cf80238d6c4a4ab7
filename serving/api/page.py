"""`/docs`: the API's own page. Everything on it comes from the installed package and is named relative to it, behind any proxy.

A self-hosted service must not need somebody else's server to be read about, and a page that takes a key runs no script but its own.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from importlib.resources import files
from typing import Final

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import RedirectResponse, Response

PATH: Final = "/docs"
_ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "favicon-32x32.png": "image/png"}
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
# The key that a reader types is forgotten with the page: kept, it would lie in the browser for any script of this host.
_PARAMETERS = {"persistAuthorization": False, "tryItOutEnabled": True, "filter": True, "displayRequestDuration": True}


def add_page(app: FastAPI) -> str:
    """Add the page and what it is made of; returns its content security policy."""
    html = bytes(
        get_swagger_ui_html(
            openapi_url="openapi.json",
            title=f"{app.title}: the API",
            swagger_js_url="swagger/swagger-ui-bundle.js",
            swagger_css_url="swagger/swagger-ui.css",
            swagger_favicon_url="swagger/favicon-32x32.png",
            swagger_ui_parameters=_PARAMETERS,
        ).body
    )
    app.add_api_route("/", lambda: RedirectResponse(PATH.removeprefix("/")), include_in_schema=False, name="root")
    app.add_api_route(PATH, lambda: Response(html, media_type="text/html; charset=utf-8"), include_in_schema=False, name="page")
    for name, media_type in _ASSETS.items():
        app.add_api_route(f"/swagger/{name}", _asset(name, media_type), include_in_schema=False, name=name)
    return _policy(html.decode())


def _asset(name: str, media_type: str) -> Callable[[], Response]:
    def asset() -> Response:
        return Response(files("fastapi_swagger.resources").joinpath(name).read_bytes(), media_type=media_type)

    return asset


def _policy(html: str) -> str:
    digests = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in _SCRIPT.findall(html)
    )
    # It draws with styles in its elements and with images in its stylesheet.
    return (
        f"default-src 'none'; script-src 'self' {digests}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
        "frame-ancestors 'none'; form-action 'none'; base-uri 'none'"
    )
