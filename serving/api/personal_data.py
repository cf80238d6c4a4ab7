"""`GET /v1/customers/{customer_id}/data`: everything that is held of a person here, as one document, sent while it is read."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field, TypeAdapter

from features.errors import HuitouError
from features.feature_sets import CUSTOMER
from features.ledger.document import gathered, written
from features.ledger.exporting import Export, note_export, sections_of
from serving.api.customers import scores_answer
from serving.api.fields import OpaqueId
from serving.api.guard import actor_of
from serving.api.problems import documented
from serving.services import Services

router = APIRouter(tags=["customers"])


class PersonalData(BaseModel):
    """One section a place."""

    ids: list[str] = Field(description="The customer's own id first.")
    ledger: dict[str, list[dict[str, Any]]] = Field(
        description="Table → rows: events, consents, links, decisions, outcomes, exposures to experiments."
    )
    features: dict[str, float | None] | None = Field(description="As they are used for answers; null when none are computed.")
    scores: dict[str, Any] | None = Field(description="As `/scores` answers; null without consent to profiling or features.")
    elsewhere: str = Field(description="What this document does not hold, and how to get it.")


_ELSEWHERE = "Rows of the imported history are files that this service does not read: `huitou customer export` gives them too."
_ROW = TypeAdapter(dict[str, Any])


@router.get("/v1/customers/{customer_id}/data", response_model=PersonalData, responses=documented(401, 503, 507))
async def data(request: Request, customer_id: Annotated[OpaqueId, Path()]) -> StreamingResponse:
    """Export a person's data, asked with any of their ids. It is noted in the audit log.

    The answer is sent while the rows are read, however many there are; should the ledger go away meanwhile, the connection ends before the
    document does, which is then no JSON.
    """
    services: Services = request.app.state.services
    export = await services.aside(note_export, services.ledger, customer_id, actor=actor_of(request))
    rest = await asyncio.to_thread(_computed, services, export)
    pieces = gathered(_document(services, export, rest))
    first = await asyncio.to_thread(next, pieces)  # what fails by then is still told as a problem; of most people this is all
    return StreamingResponse(itertools.chain([first], pieces), media_type="application/json")


def _computed(services: Services, export: Export) -> PersonalData:
    """Everything but the ledger's rows."""
    features, scores = None, None
    try:
        customer = services.live.reader.read(export.ids[0])
        if customer is not None:
            features = {n: None if v != v else v for n, v in zip(CUSTOMER.columns, customer.vector.tolist(), strict=True)}  # noqa: PLR0124
            scores = scores_answer(services, export.ids[0]).model_dump(mode="json")
    except HuitouError:
        pass  # safe: nothing is computed of whoever did not agree; a damaged row holds nothing to be read
    return PersonalData(ids=list(export.ids), ledger={}, features=features, scores=scores, elsewhere=_ELSEWHERE)


def _document(services: Services, export: Export, rest: PersonalData) -> Iterator[str]:
    yield f'{rest.model_dump_json(include={"ids"})[:-1]},"ledger":'
    yield from written(sections_of(services.ledger.database, export), _encoded)
    yield f",{rest.model_dump_json(exclude={'ids', 'ledger'})[1:]}"


def _encoded(row: Mapping[str, Any]) -> str:
    return _ROW.dump_json({**row}).decode()
