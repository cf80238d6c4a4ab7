"""How long the ledger keeps what: days per table, set by the shop. Audit log, consents and catalogue stay as long as the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import ColumnElement, Connection, Table, delete, except_, func, select

from features.ledger import audit
from features.ledger.answers import ANSWERS
from features.ledger.contacts import CONTACTS
from features.ledger.decisions import DECISIONS, OUTCOMES
from features.ledger.erasures import ERASURES
from features.ledger.events import EVENTS
from features.ledger.exposures import EXPOSURES
from features.ledger.identities import LINKS
from features.ledger.ledger import Ledger
from features.ledger.slates import SLATES

Days = Annotated[int, Field(ge=1, le=36_500)]


class RetentionSettings(BaseSettings):
    """Days that rows are kept; environment variables carry the prefix `HUITOU_RETAIN_`."""

    model_config = SettingsConfigDict(env_prefix="HUITOU_RETAIN_", frozen=True, extra="ignore")

    events_days: Days | None = Field(
        default=None, description="Events, counted from when they came in; only those that are in the history already go."
    )
    decisions_days: Days | None = Field(default=None, description="Decisions, counted from when they were made.")
    outcomes_days: Days | None = Field(default=None, description="Outcomes, counted from when they came in.")
    contacts_days: Annotated[int, Field(ge=31, le=36_500)] | None = Field(
        default=None, description="Contacts, counted from when they were made; at least the month that caps look back on."
    )
    exposures_days: Days | None = Field(
        default=None, description="Who met which experiment, counted from the first time; a report then knows only the later ones."
    )
    undone_links_days: Days | None = Field(default=None, description="Links between ids that were taken back, counted from then.")
    erasures_days: Days | None = Field(default=None, description="Receipts of finished erasures; the erased stay out all the same.")


@dataclass(frozen=True)
class Kept:
    """One table's rule and what it means now.

    Attributes:
        table: its name.
        days: how long rows are kept; None: for ever.
        rows: rows in the table.
        over: of these, rows that are kept no longer.
    """

    table: str
    days: int | None
    rows: int
    over: int


def retain(ledger: Ledger, settings: RetentionSettings, *, folded_until: int, apply: bool, actor: str) -> list[Kept]:
    """Look which rows are over their time, and delete them if asked to; doing it twice changes nothing.

    Args:
        ledger: whose tables.
        settings: days per table.
        folded_until: number of the last event that is in the history: later ones stay, however old.
        apply: delete; False only counts.
        actor: who asked, for the audit log.

    Raises:
        LedgerAway, LedgerFull, LedgerBroken: nothing was deleted.
    """
    now = ledger.clock()
    with ledger.database.writing() if apply else ledger.database.reading() as connection:
        found = [_count(connection, table, days, over) for table, days, over in _rules(settings, now, folded_until)]
        if apply and any(kept.over for kept in found):
            for table, days, over in _rules(settings, now, folded_until):
                if days is not None:
                    connection.execute(delete(table).where(over))
            told = {kept.table: kept.over for kept in found if kept.over}
            audit.record(connection, "retained", at=now, actor=actor, detail={"deleted": told})
    return found


def _rules(settings: RetentionSettings, now: datetime, folded_until: int) -> list[tuple[Table, int | None, ColumnElement[bool]]]:
    def before(days: int | None) -> datetime:
        return now - timedelta(days=days or 0)

    old = DECISIONS.c.decided_at < before(settings.decisions_days)
    # One pass over each: decisions have no index by slate or answer, and `NOT IN` PostgreSQL answers by looking through all for each.
    unused = except_(select(SLATES.c.slate_id), select(DECISIONS.c.slate_id).where(DECISIONS.c.slate_id.is_not(None), ~old))
    unnamed = except_(select(ANSWERS.c.answer_id), select(DECISIONS.c.answer_id).where(DECISIONS.c.answer_id.is_not(None), ~old))
    return [
        (EVENTS, settings.events_days, (EVENTS.c.received_at < before(settings.events_days)) & (EVENTS.c.seq <= folded_until)),
        (DECISIONS, settings.decisions_days, old),
        (SLATES, settings.decisions_days, SLATES.c.slate_id.in_(unused)),
        (ANSWERS, settings.decisions_days, ANSWERS.c.answer_id.in_(unnamed)),
        (OUTCOMES, settings.outcomes_days, OUTCOMES.c.received_at < before(settings.outcomes_days)),
        (CONTACTS, settings.contacts_days, CONTACTS.c.at < before(settings.contacts_days)),
        (EXPOSURES, settings.exposures_days, EXPOSURES.c.first_at < before(settings.exposures_days)),
        (LINKS, settings.undone_links_days, LINKS.c.undone_at.is_not(None) & (LINKS.c.undone_at < before(settings.undone_links_days))),
        (
            ERASURES,
            settings.erasures_days,
            ERASURES.c.finished_at.is_not(None) & (ERASURES.c.finished_at < before(settings.erasures_days)),
        ),
    ]


def _count(connection: Connection, table: Table, days: int | None, over: ColumnElement[bool]) -> Kept:
    rows = int(connection.execute(select(func.count()).select_from(table)).scalar_one())
    gone = 0 if days is None else int(connection.execute(select(func.count()).select_from(table).where(over)).scalar_one())
    return Kept(table.name, days, rows, gone)
