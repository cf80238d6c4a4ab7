"""`GET /v1/customers/{customer_id}/data`: everything that is held of a person here, as one document."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field

from features.errors import HuitouError
from features.feature_sets import CUSTOMER
from features.ledger import audit
from features.ledger.exporting import everything_of
from features.ledger.tombstones import pseudonym, pseudonym_key
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


@router.get("/v1/customers/{customer_id}/data", response_model=PersonalData, responses=documented(401, 503))
async def data(request: Request, customer_id: Annotated[OpaqueId, Path()]) -> PersonalData:
    """Export a person's data, asked with any of their ids. It is noted in the audit log."""
    services: Services = request.app.state.services
    return await asyncio.to_thread(personal_data, services, customer_id, actor=actor_of(request))


def personal_data(services: Services, customer_id: str, *, actor: str) -> PersonalData:
    """Gather it, and note that somebody did.

    Raises:
        LedgerAway, LedgerBroken, LedgerFull: the ledger does not answer, or cannot note it: then nothing is given out.
    """
    with services.ledger.database.writing() as connection:
        ids, ledger = everything_of(connection, customer_id)
        subject = pseudonym(pseudonym_key(connection), ids[0])
        detail = {table: len(rows) for table, rows in ledger.items()}
        audit.record(connection, "customer_data_exported", at=services.ledger.clock(), actor=actor, subject=subject, detail=detail)
    features, scores = None, None
    try:
        customer = services.live.reader.read(ids[0])
        if customer is not None:
            features = {n: None if v != v else v for n, v in zip(CUSTOMER.columns, customer.vector.tolist(), strict=True)}  # noqa: PLR0124
            scores = scores_answer(services, ids[0]).model_dump(mode="json")
    except HuitouError:
        pass  # safe: nothing is computed of whoever did not agree; a damaged row holds nothing to be read
    return PersonalData(ids=ids, ledger=ledger, features=features, scores=scores, elsewhere=_ELSEWHERE)
