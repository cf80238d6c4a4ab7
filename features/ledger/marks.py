"""How far the ledger's logs beside events have grown: whoever has seen a mark looks at what is beyond it only."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, select

from features.ledger.consents import CONSENTS
from features.ledger.identities import LINKS


@dataclass(frozen=True)
class Marks:
    """Numbers of the last link and the last statement of consent, and how many links were taken back."""

    link_id: int = 0
    undone: int = 0
    consent_id: int = 0


def read_marks(connection: Connection) -> Marks:
    """Where the logs stand now."""
    links = connection.execute(select(func.coalesce(func.max(LINKS.c.link_id), 0), func.count(LINKS.c.undone_at))).one()
    consent = connection.execute(select(func.coalesce(func.max(CONSENTS.c.consent_id), 0))).scalar_one()
    return Marks(int(links[0]), int(links[1]), int(consent))


def touched_since(connection: Connection, seen: Marks, now: Marks) -> set[str]:
    """Ids whose person, or whose consent, may be another than at an earlier mark."""
    touched: set[str] = set()
    if now.link_id > seen.link_id:
        touched |= _ends(connection, LINKS.c.link_id > seen.link_id)
    if now.undone != seen.undone:  # taken back: seldom, and the log has no number for it, so every one of them is looked at
        touched |= _ends(connection, LINKS.c.undone_at.is_not(None))
    if now.consent_id > seen.consent_id:
        query = select(CONSENTS.c.recorded_as).where(CONSENTS.c.consent_id > seen.consent_id).distinct()
        touched |= set(connection.execute(query).scalars())
    return touched


def _ends(connection: Connection, condition: ColumnElement[bool]) -> set[str]:
    rows = connection.execute(select(LINKS.c.alias, LINKS.c.customer_id).where(condition))
    return {end for row in rows for end in (row.alias, row.customer_id)}
