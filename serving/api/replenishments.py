"""`GET /v1/replenishments/due`: who needs what again soon, for reminders and for stock; paged by cursor."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from features.decisions.assignment import holdout_of
from serving.api.answer_schemas import provenance
from serving.api.fields import Personalized, probability
from serving.api.problems import documented
from serving.api.replenishment_schemas import DueAnswer, DueView
from serving.category_needs import REACH_DAYS
from serving.errors import CursorInvalid, StillPreparing
from serving.live import Live
from serving.replenishments import Due, page, renewed
from serving.services import Services

router = APIRouter(tags=["replenishments"])


@router.get("/v1/replenishments/due", response_model=DueAnswer, responses=documented(400, 503))
async def due(
    request: Request,
    within_days: Annotated[int, Query(ge=1, le=REACH_DAYS, description="Most days until due, after the as-of time.", examples=[7])] = 7,
    limit: Annotated[int, Query(ge=1, le=1000, examples=[50])] = 100,
    cursor: Annotated[str | None, Query(max_length=512, description="`next_cursor` of the page before.")] = None,
    personalized: Personalized = True,
) -> Response:
    """Customer × category due within some days, the earliest first.

    The whole list is computed aside at the first request after a build; who asks too early is told to come back in a few seconds. Only
    those who agreed to profiling are in it, and nobody where nothing personal is asked for.
    """
    services: Services = request.app.state.services
    if not personalized:
        nobody = DueAnswer(personalized=False, items=[], next_cursor=None, **provenance(services.live, {}))
        return Response(nobody.model_dump_json(), media_type="application/json")
    live = services.live
    after = None if cursor is None else _read_cursor(cursor, live)
    table = asyncio.wrap_future(services.due.rows(live))
    # Waited for without cancelling it: the table is everybody's.
    done, _ = await asyncio.wait([table], timeout=services.settings.due_wait_seconds)
    if not done:
        raise StillPreparing("The table of due replenishments is being computed; ask again in a few seconds.")
    rows, more = page(table.result(), within_days=within_days, limit=limit, after=after)
    profiled = await asyncio.to_thread(services.permissions.profiled)
    agreed = [row for row in rows if row.customer_id in profiled]  # the table may be older than a withdrawal
    answer = DueAnswer(
        personalized=True,
        items=[due_view(row, live) for row in await asyncio.to_thread(renewed, live, agreed, within_days=within_days)],
        next_cursor=_write_cursor(rows[-1], live) if more else None,
        **provenance(live, services.degraded(["repurchase"])),
    )
    return Response(answer.model_dump_json(), media_type="application/json")


def due_view(row: Due, live: Live) -> DueView:
    """A row of the table as the answer shows it."""
    return DueView(
        customer_id=row.customer_id,
        category=row.category,
        name=live.catalogue.category_name(row.category),
        due_date=live.as_of + timedelta(days=row.days_until_due),
        probability=probability(row.probability),
        quantity=round(row.quantity, 2),
        holdout=holdout_of(row.customer_id, live.policy.holdouts),
        product_id=row.product_id,
    )


def _table_name(live: Live) -> str:
    return f"{live.version}/{live.models.versions.get('repurchase')}"


def _write_cursor(row: Due, live: Live) -> str:
    content = json.dumps([_table_name(live), row.days_until_due, row.customer_id, row.category])
    return base64.urlsafe_b64encode(content.encode()).decode()


def _read_cursor(cursor: str, live: Live) -> tuple[float, str, str]:
    try:
        table, days, customer_id, category = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        after = (float(days), str(customer_id), str(category))
    except (ValueError, TypeError, binascii.Error) as error:
        raise CursorInvalid("query.cursor: not a cursor of this list; start again without it.") from error
    if table != _table_name(live):
        raise CursorInvalid("query.cursor: the list has been computed anew since; start again without it.")
    return after
