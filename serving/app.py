"""`create_app(settings)`: the ASGI application. Nothing is built at import; everything is opened when the server starts it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable

from fastapi import Depends, FastAPI
from fastapi_swagger import patch_fastapi

from serving.api import (
    consents,
    customers,
    decisions,
    erasures,
    events,
    experiments,
    feeds,
    health,
    identities,
    next_best_offers,
    outcomes,
    personal_data,
    recommendations,
    replenishments,
)
from serving.api.body_limit import BodyLimit
from serving.api.problems import install_problem_handlers
from serving.api.write_keys import EVENT_PATHS, guard
from serving.services import Services, build_services
from serving.settings import ServingSettings
from serving.telemetry import RequestMetrics

_API_VERSION = "1"
_LOG = logging.getLogger("huitou.serving")


def create_app(settings: ServingSettings, services: Services | None = None) -> FastAPI:
    """The application; its services appear as `app.state.services` at start-up and may be replaced afterwards.

    Args:
        settings: where the state is and how it is followed.
        services: opened already, by a caller that wants to meet their errors itself; by default they are opened at start-up.

    Raises:
        StateMissing: at start-up, when `huitou build` has not run.
        StateBroken: at start-up, when the online state is damaged.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.services = services or await asyncio.to_thread(build_services, settings)
        followers = [
            asyncio.create_task(_follow(app, settings.reload_seconds, Services.reload_if_changed)),
            asyncio.create_task(_follow(app, settings.follow_seconds, Services.follow)),
        ]
        try:
            yield
        finally:
            for follower in followers:
                follower.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await follower
            running: Services = app.state.services
            await asyncio.to_thread(running.decisions.close)

    app = FastAPI(
        title="huitou",
        version=_API_VERSION,
        description="Churn, repurchase and the next best offer for shops that own their customer channels. "
        "Probabilities are predictions of what customers will do; what an offer adds to them is its uplift.",
        lifespan=lifespan,
        dependencies=[Depends(guard)],
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    # The page's scripts come from the package: a self-hosted service must not need somebody else's server to be read about.
    patch_fastapi(app, docs_url="/docs")
    for resource in (
        events,
        outcomes,
        feeds,
        experiments,
        identities,
        consents,
        next_best_offers,
        decisions,
        recommendations,
        customers,
        erasures,
        personal_data,
        replenishments,
        health,
    ):
        app.include_router(resource.router)
    install_problem_handlers(app)
    larger = dict.fromkeys((*EVENT_PATHS, *feeds.FEED_PATHS, "/v1/outcomes", "/v1/consents"), settings.events_limit_bytes)
    app.add_middleware(BodyLimit, limit_bytes=settings.body_limit_bytes, larger=larger)
    app.add_middleware(RequestMetrics)
    return app


async def _follow(app: FastAPI, seconds: float, look: Callable[[Services], bool]) -> None:
    """Take over what is new while the service runs; whatever goes wrong, what answers now goes on answering."""
    said = ""
    while True:
        await asyncio.sleep(seconds)
        try:
            await asyncio.to_thread(look, app.state.services)
            said = ""
        except Exception as error:
            if str(error) != said:  # once, not at every look
                _LOG.exception("Looking for what is new failed; what answers now goes on answering.")
            said = str(error)
