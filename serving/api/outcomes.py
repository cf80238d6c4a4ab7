"""`POST /v1/outcomes`: what the customer then did with what was decided."""

from __future__ import annotations

import hashlib
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from features.ledger.contacts import NOT_SENT
from features.ledger.decisions import Outcome, known_decisions, record_outcomes
from features.sources.incoming import Refused, check_time, in_utc
from serving.api.bodies import read_body
from serving.api.feed_schemas import Fed, RefusedItem, now_or, request_body
from serving.api.feeds import judged
from serving.api.fields import OpaqueId
from serving.api.problems import documented
from serving.services import Services

router = APIRouter(tags=["decisions"])
_EXAMPLE: dict[str, Any] = {
    "decision_id": "5f0c…",
    "offer_id": "coupon:18",
    "outcome": "converted",
    "value": 12.5,
    "occurred_at": "2017-12-30T11:00:00Z",
}


class OutcomeFed(Fed):
    """One outcome."""

    decision_id: OpaqueId
    offer_id: OpaqueId
    outcome: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,32}$")] = Field(
        description="viewed, clicked, converted, refunded, unsubscribed, not_sent, …; after not_sent the message counts under no cap."
    )
    value: Annotated[Decimal, Field(max_digits=18, decimal_places=4, allow_inf_nan=False)] | None = None
    occurred_at: AwareDatetime | None = Field(default=None, description="By default now.")
    outcome_id: OpaqueId | None = Field(default=None, description="Makes a repeat harmless; by default made from the other fields.")

    def key(self) -> str:
        """The sender's id, or one that equal outcomes share."""
        if self.outcome_id is not None:
            return self.outcome_id
        value = None if self.value is None else self.value.normalize()  # 12.50 is 12.5
        at = None if self.occurred_at is None else in_utc(self.occurred_at, field="occurred_at")
        told = "\x1f".join(map(str, (self.decision_id, self.offer_id, self.outcome, value, at)))
        return hashlib.sha256(told.encode()).hexdigest()


class OutcomesAnswer(BaseModel):
    """Counts, and every outcome that was refused."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"accepted": 1, "duplicates": 0, "unknown_decisions": 0, "refused": 0, "items": []}]}
    )

    accepted: int = Field(ge=0)
    duplicates: int = Field(ge=0, description="Here already; nothing changed.")
    unknown_decisions: int = Field(ge=0, description="Accepted, though their decision is not in the ledger (yet).")
    refused: int = Field(ge=0)
    items: list[RefusedItem] = []


@router.post(
    "/v1/outcomes",
    response_model=OutcomesAnswer,
    responses=documented(400, 401, 413, 415, 503, 507),
    openapi_extra=request_body(OutcomeFed, _EXAMPLE),
)
async def outcomes(request: Request) -> Response:
    """Tell what came of decisions. An outcome may come before its decision, or twice."""
    services: Services = request.app.state.services
    answer = await services.aside(_keep, services, await read_body(request))
    return Response(answer.model_dump_json(), media_type="application/json")


def _keep(services: Services, body: bytes) -> OutcomesAnswer:
    good, refused = judged(body, OutcomeFed, one=True)
    now = services.ledger.clock()
    told: list[Outcome] = []
    for index, one in good.items():
        try:
            told.append(_outcome(one, now))
        except Refused as wrong:
            refused.append(RefusedItem(index=index, field=wrong.field, reason=wrong.reason))
    with services.ledger.database.writing() as connection:
        fresh = record_outcomes(connection, told, received_at=now)
        known = known_decisions(connection, [one.decision_id for one in told])
    services.decisions.contacts.give_back(one.decision_id for one in told if one.outcome == NOT_SENT)
    return OutcomesAnswer(
        accepted=sum(fresh),
        duplicates=len(fresh) - sum(fresh),
        unknown_decisions=sum(new and one.decision_id not in known for new, one in zip(fresh, told, strict=True)),
        refused=len(refused),
        items=sorted(refused, key=lambda item: item.index),
    )


def _outcome(one: OutcomeFed, now: datetime) -> Outcome:
    """The outcome for the ledger.

    Raises:
        Refused: it cannot have happened then.
    """
    at = in_utc(now_or(one.occurred_at, now), field="occurred_at")
    check_time(at, now, field="occurred_at")
    return Outcome(one.key(), one.decision_id, one.offer_id, one.outcome, one.value, at)
