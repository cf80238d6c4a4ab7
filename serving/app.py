"""`create_app(settings)`: the ASGI application. Nothing is built at import; everything is opened when the server starts it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable

from fastapi import Depends, FastAPI

from serving.anticipation import Anticipation
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
    next_best_offers_batch,
    outcomes,
    page,
    personal_data,
    recommendations,
    replenishments,
)
from serving.api.admission import Door, Lane, Lanes, Turns
from serving.api.body_limit import BodyLimit
from serving.api.direct_route import DirectRoute
from serving.api.gate import SEAL, Gate
from serving.api.guard import describe_security, guard
from serving.api.problems import install_problem_handlers
from serving.api.route_scopes import EVENT_PATHS
from serving.services import Services, build_services
from serving.settings import ServingSettings
from serving.telemetry import REQUESTS, RequestMetrics
from serving.workers_told import tell

_API_VERSION = "1"
_LAST_SECONDS = 2.0  # that a last look at the ledger may take when the service ends
_KEYS_SECONDS = 0.5  # a key that was revoked opens nothing a second later, however rarely the rest is followed
_JUDGE_SECONDS = 0.25  # new models that fail are withdrawn within this; until then their failures are answered with the set before
_TELL_SECONDS = 2.0  # between two files of metrics that a worker lays out for the others
_TOGETHER = 8  # largest bodies that may be held at a time; 128 MB by default
_LOG = logging.getLogger("huitou.serving")


def create_app(settings: ServingSettings, services: Services | Callable[[], Services] | None = None) -> FastAPI:
    """The application; its services appear as `app.state.services` at start-up and may be replaced afterwards.

    Args:
        settings: where the state is and how it is followed.
        services: opened already, by a caller that wants to meet their errors itself, or how to come by them at start-up; by default they
            are opened then.

    Raises:
        StateMissing: at start-up, when `huitou build` has not run.
        StateBroken: at start-up, when the online state is damaged.
        Unlocked: at start-up, when the settings name an address beyond this machine and there is no key.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if isinstance(services, Services):
            running = services
        else:
            running = await asyncio.to_thread(build_services, settings) if services is None else services()
        running.access.demand_lock(settings.host)
        app.state.services = running
        await asyncio.to_thread(running.decisions.resume)
        followers = [
            asyncio.create_task(_follow(app, settings.reload_seconds, Services.reload_if_changed)),
            asyncio.create_task(_follow(app, settings.follow_seconds, Services.follow)),
            asyncio.create_task(_follow(app, _JUDGE_SECONDS, Services.judge_models)),
            asyncio.create_task(_follow(app, settings.follow_seconds, Anticipation().look)),
            *([] if running.told is None else [asyncio.create_task(_follow(app, _TELL_SECONDS, tell))]),
            asyncio.create_task(_follow_keys(app, min(settings.follow_seconds, _KEYS_SECONDS))),
        ]
        try:
            yield
        finally:
            for follower in followers:
                follower.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await follower
            await asyncio.to_thread(app.state.services.decisions.close)
            if services is None:
                await asyncio.to_thread(running.ledger.close)  # opened here, closed here
            if running.tracing is not None:
                await asyncio.to_thread(running.tracing.close)

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
        # What is measured is `serving.telemetry`'s and `serving.tracing`'s: FastAPI's own would send addresses, in which customers stand,
        # wherever variables of the environment say.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    policies = {page.PATH: page.add_page(app)}
    for resource in (
        next_best_offers,  # first: routes are tried in this order, and this one is called in the request path of others
        next_best_offers_batch,
        events,
        outcomes,
        feeds,
        experiments,
        identities,
        consents,
        decisions,
        recommendations,
        customers,
        erasures,
        personal_data,
        replenishments,
        health,
    ):
        app.include_router(resource.router)
    describe_security(app)
    install_problem_handlers(app, {name.decode(): value.decode() for name, value in SEAL})
    larger = dict.fromkeys((*EVENT_PATHS, *feeds.FEED_PATHS, "/v1/outcomes", "/v1/consents"), settings.events_limit_bytes)
    lanes = Lanes(
        Lane("answers", settings.answers_in_work, settings.answers_waiting),
        Lane("writes", settings.writes_in_work, settings.writes_waiting),
        _TOGETHER * settings.events_limit_bytes,
        lambda scope, line: scope["app"].state.services.telemetry.refused(line),
    )
    app.state.lanes = lanes  # the server counts who is coming, too
    app.add_middleware(DirectRoute)  # the innermost
    app.add_middleware(Turns, lanes=lanes)
    app.add_middleware(BodyLimit, limit_bytes=settings.body_limit_bytes, larger=larger, seconds=settings.body_seconds)
    app.add_middleware(Door, lanes=lanes)
    app.add_middleware(Gate, policies=policies)
    app.add_middleware(RequestMetrics, tell=logging.getLogger(REQUESTS).isEnabledFor(logging.INFO))
    if settings.traces_sample > 0:
        from serving.tracing.request_spans import RequestSpans

        app.add_middleware(RequestSpans)
    return app


async def _follow(app: FastAPI, seconds: float, look: Callable[[Services], object]) -> None:
    """Take over what is new while the service runs; whatever goes wrong, what answers now goes on answering."""
    said = ""
    while True:
        await asyncio.sleep(seconds)
        try:
            looking = asyncio.create_task(asyncio.to_thread(look, app.state.services))
            try:
                await asyncio.shield(looking)
            except asyncio.CancelledError:
                await asyncio.wait({looking}, timeout=_LAST_SECONDS)  # a thread does not stop, and would open again what is being closed
                raise
            said = ""
        except Exception as error:
            if str(error) != said:  # once, not at every look
                _LOG.exception("Looking for what is new failed; what answers now goes on answering.")
            said = str(error)


async def _follow_keys(app: FastAPI, seconds: float) -> None:
    """By itself and without a thread: a ledger that hangs must not keep a revoked key alive."""
    while True:
        await asyncio.sleep(seconds)
        app.state.services.access.look()
