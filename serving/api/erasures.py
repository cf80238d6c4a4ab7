"""`DELETE /v1/customers/{customer_id}` and `GET /v1/erasures/{erasure_id}`: forgetting a person, with a receipt."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from features.errors import OutOfSpace, StateBroken
from features.ledger import erasing
from features.ledger.erasing import Erasure
from features.ledger.errors import LedgerAway, LedgerFull
from features.online_removal import remove_online
from serving.api.fields import OpaqueId
from serving.api.guard import actor_of
from serving.api.problems import documented
from serving.errors import ErasureUnknown
from serving.services import Services

router = APIRouter(tags=["customers"])


class ErasureReceipt(BaseModel):
    """What became of a wish to be forgotten; names nobody."""

    erasure_id: str
    state: Literal["erasing", "finished"] = Field(
        description="`erasing`: gone from the ledger and from every answer; the worker is going through the files of the history."
    )
    asked_at: datetime
    finished_at: datetime | None
    removed: dict[str, dict[str, int]] = Field(description="Place → what was removed there so far. Nothing but zeros: nothing was left.")


@router.delete("/v1/customers/{customer_id}", response_model=ErasureReceipt, status_code=202, responses=documented(401, 503, 507))
async def erase(request: Request, customer_id: Annotated[OpaqueId, Path()]) -> Response:
    """Erase a person with every linked id. It can be repeated; what was begun is finished, whatever happens in between.

    When this answers, the ledger and the online store have forgotten; the files of the history follow within seconds of a running
    `huitou work`. What comes of the same id until then goes with the rest; what comes later is a new acquaintance without any consent.
    """
    services: Services = request.app.state.services
    erasure = await services.aside(_erase, services, customer_id, actor_of(request))
    return Response(receipt(erasure).model_dump_json(), status_code=202, media_type="application/json")


@router.get("/v1/erasures/{erasure_id}", response_model=ErasureReceipt, responses=documented(404, 503))
async def progress(request: Request, erasure_id: Annotated[OpaqueId, Path()]) -> ErasureReceipt:
    """How far an erasure has come."""
    services: Services = request.app.state.services
    return await asyncio.to_thread(_progress, services, erasure_id)


def receipt(erasure: Erasure) -> ErasureReceipt:
    """An erasure as the API shows it."""
    return ErasureReceipt(
        erasure_id=erasure.erasure_id,
        state="erasing" if erasure.finished_at is None else "finished",
        asked_at=erasure.asked_at,
        finished_at=erasure.finished_at,
        removed=erasure.receipt,
    )


def _erase(services: Services, customer_id: str, actor: str) -> Erasure:
    erasure = erasing.begin(services.ledger, customer_id, actor=actor)
    try:
        removed = remove_online(services.settings.online_dir, erasure.ids, services.settings.online_server)
        services.reopen()  # the products' file named who was mailed a coupon, and the table of what is due named everybody
        erasure = erasing.note(services.ledger, erasure, {"online": {"values": removed}})
        erasing.wipe(services.ledger.database, thorough=False)
    except (StateBroken, OutOfSpace, LedgerAway, LedgerFull):
        return erasure  # safe: it stays unfinished, and whoever resumes it does this again
    return erasure


def _progress(services: Services, erasure_id: str) -> ErasureReceipt:
    with services.ledger.database.reading() as connection:
        found = erasing.find(connection, erasure_id)
    if found is None:
        raise ErasureUnknown(f"There is no erasure {erasure_id!r}.")
    return receipt(found)
