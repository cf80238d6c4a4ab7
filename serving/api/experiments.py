"""`PUT /v1/experiments`: what is tried out on whom. What makes no sense, or spoils another experiment, is refused when it is written."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy import Connection

from features.decisions.experiment import Experiment
from features.decisions.experiment_rules import objection
from features.decisions.sample_ratio import sample_ratio
from features.ledger.catalogue import Kind, document, documents, put_documents
from features.ledger.exposures import exposed_counts
from serving.api.bodies import read_body
from serving.api.feed_schemas import DocumentsAnswer, FeedAnswer, RefusedItem, request_body
from serving.api.feeds import judged
from serving.api.fields import OpaqueId
from serving.api.problems import documented
from serving.errors import ArmRefused, DocumentUnknown
from serving.services import Services

router = APIRouter(tags=["experiments"])

PATH = "/v1/experiments"
_PAGE = 200
_EXAMPLE: dict[str, Any] = {
    "experiment_id": "price-or-category",
    "title": "Price first against category first",
    "arms": [
        {"name": "price", "overrides": {"ranking": "price_first"}},
        {"name": "category", "overrides": {"ranking": "category_first"}},
    ],
    "starts_at": "2018-01-01T00:00:00Z",
    "ends_at": "2018-04-01T00:00:00Z",
    "metric": {"outcome": "conversion", "within_days": 28},
    "baseline": 0.3,
    "smallest_effect": 0.05,
}


class ExperimentAnswer(BaseModel):
    """An experiment, and how far it is."""

    experiment: dict[str, Any] = Field(description="As it was last written.")
    state: str = Field(description="planned, running, ended, or left_out: its arms no longer fit the policy.")
    problem: str | None = Field(default=None, description="Why it is left out.")
    exposed: dict[str, int] = Field(description="Arm → ids that a decision was made for; ids of one person count each.")
    sample_ratio_chance: float | None = Field(
        description="Chance of counts at least as uneven, had customers been dealt by weight; null with too few to say."
    )
    sample_ratio_mismatch: bool = Field(description="Whether that is below 0.1 %: nothing may be read from it before the cause is found.")


@router.put(
    PATH,
    response_model=FeedAnswer,
    responses=documented(400, 401, 413, 415, 503, 507),
    openapi_extra=request_body(Experiment, _EXAMPLE),
)
async def put_experiments(request: Request) -> Response:
    """Write experiments, each whole. Bad ones come back by index; the good ones are kept and decide within a second.

    Once an experiment has begun, only its title and its end can change. The planned size is computed when it is not given.
    """
    services: Services = request.app.state.services
    answer = await services.aside(_put, services, await read_body(request))
    return Response(answer.model_dump_json(), media_type="application/json")


@router.get(PATH, response_model=DocumentsAnswer, responses=documented(503))
async def list_experiments(
    request: Request,
    cursor: Annotated[OpaqueId | None, Query(description="`next_cursor` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=_PAGE)] = 50,
) -> Response:
    """The experiments that were written, by id, page by page."""
    services: Services = request.app.state.services
    answer = await asyncio.to_thread(_listed, services, cursor, limit)
    return Response(answer.model_dump_json(), media_type="application/json")


@router.get(f"{PATH}/{{experiment_id}}", response_model=ExperimentAnswer, responses=documented(404, 503))
async def get_experiment(request: Request, experiment_id: Annotated[OpaqueId, Path()]) -> ExperimentAnswer:
    """How far an experiment is, and whether its arms got the customers they should have. Effects: `huitou experiment report`."""
    services: Services = request.app.state.services
    return await asyncio.to_thread(_status, services, experiment_id)


def _put(services: Services, body: bytes) -> FeedAnswer:
    read, refused = judged(body, Experiment)
    good = _pinned(services, read, refused)  # before the ledger's turn is taken: models are loaded to see that they answer
    kept: dict[str, str] = {}
    accepted = 0
    with services.ledger.database.writing() as connection:
        standing = _standing(connection)
        for index, one in good.items():
            written = one.sized()
            others = [other for other_id, other in standing.items() if other_id != one.experiment_id]
            wrong = objection(
                written,
                before=standing.get(one.experiment_id),
                others=others,
                policy=services.live.experiments.policy,
                now=services.now,
            )
            if wrong is not None:
                refused.append(RefusedItem(index=index, field=wrong[0], reason=wrong[1]))
                continue
            accepted += 1
            standing[one.experiment_id] = written
            kept[one.experiment_id] = written.model_dump_json()
        put_documents(connection, Kind.EXPERIMENT, kept, at=services.ledger.clock())
    return FeedAnswer(accepted=accepted, refused=len(refused), items=sorted(refused, key=lambda item: item.index))


def _pinned(services: Services, read: Mapping[int, Experiment], refused: list[RefusedItem]) -> dict[int, Experiment]:
    found: dict[int, Experiment] = {}
    with services.ledger.database.reading() as connection:
        standing = _standing(connection) if any(arm.models for one in read.values() for arm in one.arms) else {}
    for index, one in read.items():
        try:
            found[index] = services.opening.arms.pinned(one, standing.get(one.experiment_id))
        except ArmRefused as error:
            refused.append(RefusedItem(index=index, field=error.field, reason=str(error)))
    return found


def _standing(connection: Connection) -> dict[str, Experiment]:
    found: dict[str, Experiment] = {}
    for experiment_id, body in documents(connection, Kind.EXPERIMENT).items():
        with contextlib.suppress(ValidationError):  # safe: what cannot be read is left out of every decision too
            found[experiment_id] = Experiment.model_validate_json(body)
    return found


def _listed(services: Services, cursor: str | None, limit: int) -> DocumentsAnswer:
    with services.ledger.database.reading() as connection:
        found = documents(connection, Kind.EXPERIMENT, beyond=cursor, limit=limit + 1)
    page = list(found.items())[:limit]
    return DocumentsAnswer(items=[json.loads(body) for _, body in page], next_cursor=page[-1][0] if len(found) > limit else None)


def _status(services: Services, experiment_id: str) -> ExperimentAnswer:
    with services.ledger.database.reading() as connection:
        body = document(connection, Kind.EXPERIMENT, experiment_id)
        counts = exposed_counts(connection, experiment_id)
    if body is None:
        raise DocumentUnknown(f"No experiment {experiment_id} was written.")
    problem = services.live.experiments.problems.get(experiment_id)
    told = json.loads(body)
    checked = sample_ratio(counts, {arm["name"]: arm["weight"] for arm in told["arms"]})
    return ExperimentAnswer(
        experiment=told,
        state="left_out" if problem is not None else _state(Experiment.model_validate_json(body), services),
        problem=problem,
        exposed=checked.counts,
        sample_ratio_chance=checked.chance,
        sample_ratio_mismatch=checked.mismatch,
    )


def _state(one: Experiment, services: Services) -> str:
    if services.now < one.starts_at:
        return "planned"
    return "running" if one.ends_at is None or services.now < one.ends_at else "ended"
