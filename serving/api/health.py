"""`/healthz`, `/readyz` and `/metrics`: for those who run the service."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import Response

from serving.api.health_schemas import Freshness, Health, ModelState, PartState, Readiness
from serving.condition import parts_of
from serving.live_models import KINDS
from serving.services import Services
from serving.workers_told import metrics_of

router = APIRouter(tags=["operation"])


@router.get("/healthz", response_model=Health)
async def healthz() -> Response:
    """The process answers."""
    return Response(Health().model_dump_json(), media_type="application/json")


@router.get("/readyz", response_model=Readiness)
async def readyz(request: Request) -> Response:
    """Which models answer, and why others do not. Always 200: a degraded service still answers, and must not be taken out."""
    services: Services = request.app.state.services
    # Aside: a ledger that hangs must not hold up requests.
    live, problems = services.live, await asyncio.to_thread(services.problems)
    lag = services.last_lag
    causes = {**services.live.models.absent, **services.live.models.problems}
    answer = Readiness(
        status="degraded" if problems else "ready",
        models={name: ModelState(version=live.models.versions.get(name), problem=causes.get(name)) for name in KINDS},
        parts={
            name: PartState(state="ok" if problem is None else "degraded", problem=problem) for name, problem in parts_of(problems).items()
        },
        problems=problems,
        as_of=live.as_of,
        now=services.now,
        freshness=None if lag is None else Freshness(events_behind=lag.events, oldest_event_seconds=round(lag.oldest_seconds, 3)),
        feature_age_days=round(services.feature_age_days, 3),
        online_version=live.version,
        assumptions=live.catalogue.assumptions_version,
    )
    return Response(answer.model_dump_json(), media_type="application/json")


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}, "description": "Prometheus' text format"}})
async def metrics(request: Request) -> Response:
    """Metrics in Prometheus' text format."""
    services: Services = request.app.state.services
    text = await asyncio.to_thread(metrics_of, services)  # aside, as above
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")
