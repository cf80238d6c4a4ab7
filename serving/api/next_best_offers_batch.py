"""`POST /v1/next-best-offers/batch`: up to 500 decisions in one call, for a campaign's audience or a page of customers.

Each is decided, recorded and counted as if it had been asked for alone, in order. The models are asked about all customers together; others
are answered meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from features.errors import StateBroken
from features.store import CustomerFeatures
from serving.api.next_best_offers import PATH as ONE
from serving.api.next_best_offers import answered, asked_about
from serving.api.next_best_offers_schemas import NextBestOffersAnswer, NextBestOffersRequest
from serving.api.problems import documented
from serving.foretold import foretell
from serving.permissions import Permitted
from serving.services import Services

PATH = f"{ONE}/batch"
MOST = 500
_TOGETHER = 32  # customers whom the models are asked about at a time: some ten milliseconds, in which nobody else is answered
_HOLDS = 0.001  # seconds of answers before somebody else is answered; what is made for all of a part comes on top
router = APIRouter(tags=["decisions"])


class BatchRequest(BaseModel):
    """Several decisions."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [{"requests": [{"customer_id": "1", "channel": "email"}, {"customer_id": "7", "channel": "email", "limit": 1}]}]
        },
    )

    requests: tuple[NextBestOffersRequest, ...] = Field(
        min_length=1, max_length=MOST, description="As `POST /v1/next-best-offers` takes them; one that is not valid refuses all."
    )


class BatchAnswer(BaseModel):
    """Their answers."""

    answers: list[NextBestOffersAnswer] = Field(description="In the order of the requests.")


@router.post(PATH, response_model=BatchAnswer, responses=documented(400, 413))
async def next_best_offers_batch(body: BatchRequest, request: Request) -> Response:
    """Decide for several customers. Whoever is named twice is decided on twice, the second time knowing of the first."""
    services: Services = request.app.state.services
    told: list[bytes] = []
    until = 0.0
    for start in range(0, len(body.requests), _TOGETHER):
        part = body.requests[start : start + _TOGETHER]
        whose = [asked_about(one) for one in part]
        permitted = await services.permissions.asked_of_many(whose, services.outbound_channels, since=services.contacts_since)
        foretell(services.live, _read(services, part, permitted), services.live.policy.horizon_days)
        for one, allowed in zip(part, permitted, strict=True):
            told.append(await answered(services, one, {}, permitted=allowed))
            if time.perf_counter() >= until:
                await asyncio.sleep(0)  # whoever came meanwhile is answered between two
                until = time.perf_counter() + _HOLDS
    return Response(b'{"answers":[%b]}' % b",".join(told), media_type="application/json")


def _read(services: Services, asked: Sequence[NextBestOffersRequest], permitted: Sequence[Permitted]) -> list[CustomerFeatures]:
    """Who is new to the models, whose features may be read and can be."""
    memory, reader, found = services.live.memory, services.live.reader, list[CustomerFeatures]()
    personal = [told.customer_id for one, told in zip(asked, permitted, strict=True) if one.personalized and told.personal]
    allowed = [one for one in personal if one is not None]
    if not allowed:
        return found
    new: list[str] = []
    with contextlib.suppress(StateBroken):  # safe, as below: the answer itself says that they cannot be read
        new = memory.new(reader, allowed, services.live.policy.horizon_days)
    for customer_id in new:
        with contextlib.suppress(StateBroken):
            customer = memory.read(reader, customer_id)
            found += [] if customer is None else [customer]
    return found
