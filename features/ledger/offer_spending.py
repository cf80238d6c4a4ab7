"""What was spent on offers: messages that carried them, and what was answered to them. For budgets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, func, select

from features.ledger.contacts import CONTACTS
from features.ledger.decisions import OUTCOMES

CONVERTED = "converted"
_AT_ONCE = 500  # below SQLite's limit of variables
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_MESSAGES = (
    select(CONTACTS.c.offer_id, CONTACTS.c.channel, func.count().label("messages"))
    .where(CONTACTS.c.offer_id.in_(_IDS))
    .group_by(CONTACTS.c.offer_id, CONTACTS.c.channel)
)
_RESPONSES = (
    select(OUTCOMES.c.offer_id, func.count().label("responses"), func.coalesce(func.sum(OUTCOMES.c.value), 0).label("value"))
    .where(OUTCOMES.c.offer_id.in_(_IDS), OUTCOMES.c.outcome == CONVERTED)
    .group_by(OUTCOMES.c.offer_id)
)


@dataclass(frozen=True)
class OfferUse:
    """How one offer was used.

    Attributes:
        messages: channel → messages that offered it first; None: on a channel that nobody named.
        responses: outcomes `converted`.
        value: currency paid in them, as far as they say.
    """

    messages: dict[str | None, int]
    responses: int = 0
    value: Decimal = Decimal(0)


def offer_use(connection: Connection, offer_ids: Iterable[str]) -> dict[str, OfferUse]:
    """How offers were used so far; ids that were never used are missing.

    Args:
        connection: any of the ledger.
        offer_ids: which.
    """
    wanted, messages, responses = sorted(set(offer_ids)), dict[str, dict[str | None, int]](), dict[str, tuple[int, Decimal]]()
    for start in range(0, len(wanted), _AT_ONCE):
        part = {"ids": wanted[start : start + _AT_ONCE]}
        for row in connection.execute(_MESSAGES, part):
            messages.setdefault(row.offer_id, {})[row.channel] = row.messages
        for row in connection.execute(_RESPONSES, part):
            responses[row.offer_id] = (row.responses, Decimal(row.value))
    return {
        offer_id: OfferUse(messages.get(offer_id, {}), *responses.get(offer_id, (0, Decimal(0)))) for offer_id in {*messages, *responses}
    }
