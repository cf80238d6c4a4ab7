"""`PUT /v1/consents` and `GET /v1/customers/{id}/consents`: what each customer agreed to, with its history."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints, model_validator

from features.errors import OutOfSpace, StateBroken
from features.ledger import audit, consents, identities
from features.ledger.consents import ANY, Purpose, State, Statement
from features.online_removal import remove_online
from features.sources.incoming import Refused, check_time, in_utc
from serving.api.bodies import read_body
from serving.api.feed_schemas import Fed, FeedAnswer, RefusedItem, now_or, request_body
from serving.api.feeds import judged
from serving.api.fields import NO_CONTROL_CHARACTERS, Channel, OpaqueId
from serving.api.guard import actor_of
from serving.api.problems import documented
from serving.services import Services

router = APIRouter(tags=["customers"])
_EXAMPLE: dict[str, Any] = {"customer_id": "1", "purpose": "marketing", "channel": "email", "state": "withdrawn"}


class ConsentFed(Fed):
    """One statement of one customer."""

    customer_id: OpaqueId
    purpose: Purpose | Literal["*"] = Field(description="`*`: every purpose but the child's.")
    channel: Channel | Literal["*"] = Field(default=ANY, description="Only marketing is asked by channel; `*`: every one.")
    state: State
    stated_at: AwareDatetime | None = Field(default=None, description="By default now.")
    source: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=NO_CONTROL_CHARACTERS)] = "api"

    @model_validator(mode="after")
    def _channels_are_for_marketing(self) -> ConsentFed:
        if self.channel != ANY and self.purpose != Purpose.MARKETING:
            raise ValueError("only the purpose marketing is stated by channel")
        return self


class StatementView(BaseModel):
    """One statement, as it was made."""

    purpose: str
    channel: str
    state: State
    stated_at: datetime
    source: str


class ConsentsAnswer(BaseModel):
    """What stands now, and every statement that led to it. What was never said is not granted."""

    customer_id: str
    personalisation: bool
    profiling: bool
    child: bool
    marketing: dict[str, bool] = Field(description="By channel named in a statement; `*` for every other.")
    history: list[StatementView]


@router.put(
    "/v1/consents",
    response_model=FeedAnswer,
    responses=documented(400, 401, 413, 415, 503, 507),
    openapi_extra=request_body(ConsentFed, _EXAMPLE),
)
async def put_consents(request: Request) -> Response:
    """State consents and withdrawals. Nothing is overwritten; a withdrawal works from the next answer on."""
    services: Services = request.app.state.services
    answer = await services.aside(_state, services, await read_body(request), actor_of(request))
    return Response(answer.model_dump_json(), media_type="application/json")


@router.get("/v1/customers/{customer_id}/consents", response_model=ConsentsAnswer, responses=documented(503))
async def of_customer(request: Request, customer_id: Annotated[OpaqueId, Path()]) -> ConsentsAnswer:
    """What the customer agreed to, under any of their ids."""
    services: Services = request.app.state.services
    return await asyncio.to_thread(_consents, services, customer_id)


def _state(services: Services, body: bytes, actor: str) -> FeedAnswer:
    good, refused = judged(body, ConsentFed)
    now = services.ledger.clock()
    statements: list[Statement] = []
    kept: list[RefusedItem] = list(refused)
    for index, one in good.items():
        try:
            at = in_utc(now_or(one.stated_at, now), field="stated_at")
            check_time(at, now, field="stated_at")
        except Refused as wrong:
            kept.append(RefusedItem(index=index, field=wrong.field, reason=wrong.reason))
            continue
        statements.append(Statement(one.customer_id, str(one.purpose), one.channel, one.state, at, one.source))
    with services.ledger.database.writing() as connection:
        consents.state(connection, statements)
        audit.record(connection, "consents_stated", at=now, actor=actor, detail={"statements": len(statements)})
    _leave_the_store(services, statements)
    return FeedAnswer(accepted=len(statements), refused=len(kept), items=kept)


def _leave_the_store(services: Services, statements: list[Statement]) -> None:
    """Take out of the online store who withdrew profiling. No answer reads them any more; the worker would do it a little later."""
    with services.ledger.database.reading() as connection:
        withdrawn = {
            customer_id
            for customer_id in {identities.resolve(connection, s.recorded_as) for s in statements if s.state is State.WITHDRAWN}
            if not consents.granted(consents.history(connection, identities.ids_of(connection, customer_id)), Purpose.PROFILING)
        }
    if withdrawn:
        with contextlib.suppress(StateBroken, OutOfSpace):  # safe: every request asks the ledger first
            remove_online(services.settings.online_dir, withdrawn, services.settings.online_server)


def _consents(services: Services, asked: str) -> ConsentsAnswer:
    with services.ledger.database.reading() as connection:
        customer_id = identities.resolve(connection, asked)
        said = consents.history(connection, identities.ids_of(connection, customer_id))
    channels = sorted({ANY, *(s.channel for s in said)})
    return ConsentsAnswer(
        customer_id=customer_id,
        personalisation=consents.granted(said, Purpose.PERSONALISATION),
        profiling=consents.granted(said, Purpose.PROFILING),
        child=consents.granted(said, Purpose.CHILD),
        marketing={channel: consents.granted(said, Purpose.MARKETING, channel) for channel in channels},
        history=[StatementView(purpose=s.purpose, channel=s.channel, state=s.state, stated_at=s.stated_at, source=s.source) for s in said],
    )
