"""Which ids are one customer: `GET /v1/customers/{id}/identities`, `POST /v1/identities`, `DELETE /v1/identities/{link_id}`."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from features.ledger import audit, identities
from features.ledger.tombstones import pseudonym, pseudonym_key
from serving.api.fields import OpaqueId
from serving.api.guard import actor_of
from serving.api.problems import documented
from serving.errors import LinkUnknown
from serving.services import Services

router = APIRouter(tags=["customers"])


class LinkRequest(BaseModel):
    """Two ids of one person."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [{"alias": "card-4711", "customer_id": "1"}]})

    alias: OpaqueId = Field(description="The other id: a store card, a second account, or `anonymous:` and a visitor's id.")
    customer_id: OpaqueId


class LinkAnswer(BaseModel):
    """What became of it."""

    link_id: int | None
    changed: bool
    reason: str = ""


class LinkView(BaseModel):
    """One entry of the log."""

    link_id: int
    alias: str
    customer_id: str
    linked_at: datetime
    source: str
    undone_at: datetime | None


class IdentitiesAnswer(BaseModel):
    """Every id of a customer, and how they came together."""

    customer_id: str
    ids: list[str] = Field(description="The customer's own id first.")
    log: list[LinkView]


@router.get("/v1/customers/{customer_id}/identities", response_model=IdentitiesAnswer, responses=documented(503))
async def of_customer(request: Request, customer_id: Annotated[OpaqueId, Path()]) -> IdentitiesAnswer:
    """The ids that are this customer; asked with any of them."""
    services: Services = request.app.state.services
    return await asyncio.to_thread(_identities, services, customer_id)


@router.post("/v1/identities", response_model=LinkAnswer, responses=documented(400, 401, 413, 503, 507))
async def link(request: Request, body: LinkRequest) -> LinkAnswer:
    """Link an id to a customer: their histories are one from then on. The first link of an id stands until it is undone."""
    services: Services = request.app.state.services
    return await services.aside(_link, services, body)


@router.delete("/v1/identities/{link_id}", response_model=LinkAnswer, responses=documented(401, 404, 503))
async def undo(request: Request, link_id: Annotated[int, Path(ge=1, le=2**53)]) -> LinkAnswer:
    """Undo a link: the histories part again as they were recorded."""
    services: Services = request.app.state.services
    await services.aside(_undo, services, link_id, actor_of(request))
    return LinkAnswer(link_id=link_id, changed=True)


def _identities(services: Services, asked: str) -> IdentitiesAnswer:
    with services.ledger.database.reading() as connection:
        customer_id = identities.resolve(connection, asked)
        ids = identities.ids_of(connection, customer_id)
        log = identities.log_of(connection, ids)
    return IdentitiesAnswer(customer_id=customer_id, ids=ids, log=[LinkView(**vars(one)) for one in log])


def _link(services: Services, body: LinkRequest) -> LinkAnswer:
    with services.ledger.database.writing() as connection:
        made = identities.link(connection, body.alias, body.customer_id, at=services.ledger.clock(), source="api")
    return LinkAnswer(**vars(made))


def _undo(services: Services, link_id: int, actor: str) -> None:
    now = services.ledger.clock()
    with services.ledger.database.writing() as connection:
        found = identities.undo(connection, link_id, at=now)
        if found is None:
            raise LinkUnknown(f"There is no link {link_id} that stands.")
        subject = pseudonym(pseudonym_key(connection), found)
        audit.record(connection, "identity_link_undone", at=now, actor=actor, subject=subject, detail={"link_id": link_id})
