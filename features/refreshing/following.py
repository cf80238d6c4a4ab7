"""Follows the ledger in small batches: which customers do new events touch, what are their features now, write them, move on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from features.assumptions import FILE as ASSUMPTIONS_FILE
from features.assumptions import load_assumptions
from features.engine import open_engine
from features.errors import HuitouError, StateBroken
from features.freshness import Followed, read_followed
from features.ledger import erasing
from features.ledger import events as ledger_events
from features.ledger.ledger import Ledger
from features.ledger.marks import Marks, read_marks, touched_since
from features.refreshing.held import held_version
from features.refreshing.online_rows import OnlineRows, open_rows
from features.refreshing.people import people_behind
from features.refreshing.refresher import Refresher
from features.refreshing.waiting import Waiting
from features.room import room_on
from features.settings import FeatureSettings
from features.sweep_lock import changing_rows, writing_people
from features.versions import current_folder

EVENTS_AT_ONCE = 5000  # heads only: some hundred kilobytes
CUSTOMERS_AT_ONCE = 256  # about a second's work: nobody waits long behind a crowd
_LOOK_AT_LOGS = timedelta(seconds=1)  # counting the links that were taken back walks over all links
_REMEDY = "run `huitou build` first."


@dataclass(frozen=True)
class Step:
    """What one step did: events noted, customers rewritten, customers without a row."""

    events: int = 0
    customers: int = 0
    gone: int = 0

    @property
    def idle(self) -> bool:
        """Whether there was nothing to do."""
        return not self.events and not self.customers and not self.gone


class Following:
    """One process keeps one online store fresh."""

    def __init__(self, settings: FeatureSettings, ledger: Ledger, *, now: datetime | None = None) -> None:
        """Prepare; nothing is opened before the first step.

        Args:
            settings: folders, engine.
            ledger: what is followed.
            now: a clock that stands still, UTC: nothing after it is seen. By default the clock is the newest thing that happened.
        """
        self._settings, self._ledger, self._now = settings, ledger, now
        self._engine = open_engine(settings)
        self._rows: OnlineRows | None = None
        self._refresher: Refresher | None = None
        self._followed: Followed | None = None
        self._seen = 0
        self._latest: datetime | None = None
        self._waiting = Waiting(0)
        self._marks = Marks()
        self._looked_at: datetime | None = None

    def step(self) -> Step:
        """Do one batch; a store that a new build put in its place, and a history that was folded anew, are taken up first.

        Raises:
            StateMissing: there is no build yet.
            StateBroken: a file cannot be read.
            TooLittleHistory: nothing was ordered.
            LedgerAway, LedgerBroken: the ledger does not answer; nothing was lost.
            OutOfSpace: the disk is full; nothing was lost.
        """
        with writing_people(self._settings.data_dir), room_on(self._settings.data_dir):
            return self._step()

    def _step(self) -> Step:
        rows, refresher, followed = self._opened()
        with self._ledger.database.reading() as connection:
            heads = ledger_events.heads(connection, after=self._waiting.seq, limit=EVENTS_AT_ONCE)
            as_of = self._clock(connection, followed)
            self._waiting.note(heads)
            self._look_at_logs(connection, followed.marks)
            for head in heads:
                if head.kind == "order_completed":
                    refresher.demand.tell(head.occurred_at, as_of)
            ids = self._waiting.next(CUSTOMERS_AT_ONCE)
            if not ids:
                return Step()
            people, aliases = people_behind(connection, ids)
            refreshed = refresher.refresh(connection, people, as_of)
        after = self._after(ids, followed, as_of)
        with changing_rows(self._settings.online_dir):
            # Who asked to be forgotten since they were read: the API takes them out of the store in a turn after this one, or has done so.
            refreshed = refreshed.without(self._asked_to_be_forgotten())
            try:
                rows.write(refreshed, also_gone=aliases, followed=after)
            except StateBroken:
                self._rows = None  # a server that starts again may have kept less than it was told: what it knows is asked anew
                rows.close()
                raise
        self._waiting.done(ids)
        self._followed = after
        return Step(len(heads), refreshed.packed.height, len(refreshed.gone))

    def _asked_to_be_forgotten(self) -> set[str]:
        with self._ledger.database.reading() as connection:
            return {customer_id for erasure in erasing.unfinished(connection) for customer_id in erasure.ids}

    def _after(self, ids: list[str], followed: Followed, as_of: datetime) -> Followed:
        """What the store knows once these ids are written. Marks move on when everybody beyond them is: a crash looks at them again."""
        marks = self._marks if self._waiting.logs_done(ids) else followed.marks
        return Followed(self._waiting.followed(ids), marks, as_of)

    def reopen(self) -> None:
        """Read the history anew at the next step: somebody was taken out of it."""
        self._refresher = None

    def close(self) -> None:
        """Let go of the store and the engine."""
        if self._rows is not None:
            self._rows.close()
        self._engine.disconnect()

    def _opened(self) -> tuple[OnlineRows, Refresher, Followed]:
        folder = current_folder(self._settings.online_dir, remedy=_REMEDY)
        if self._rows is None or self._rows.folder != folder:
            followed = read_followed(folder, self._settings.online_server)
            if followed is None:
                raise StateBroken("The online store does not say which events it knows; run `huitou build --force`.")
            if self._now is not None and self._now < followed.as_of:
                raise HuitouError(
                    f"The clock is at {self._now.isoformat()}, but the online features have seen everything until "
                    f"{followed.as_of.isoformat()}; set a later clock, or run `huitou build` with this one."
                )
            if self._rows is not None:
                self._rows.close()
            self._rows, self._followed, self._refresher = open_rows(folder, self._settings.online_server), followed, None
            self._waiting, self._looked_at = Waiting(followed.seq), None
        if self._refresher is None or self._refresher.held.version != held_version(self._settings):
            self._refresher = Refresher(self._settings, self._ledger, load_assumptions(folder / ASSUMPTIONS_FILE), self._engine)
        assert self._followed is not None  # noqa: S101 - read above
        return self._rows, self._refresher, self._followed

    def _clock(self, connection: Connection, followed: Followed) -> datetime:
        """As set, or the newest thing that happened; never earlier than what the store has seen."""
        if self._now is not None:
            return self._now
        self._seen, latest = ledger_events.newest_since(connection, self._seen)
        self._latest = max((moment for moment in (self._latest, latest) if moment is not None), default=None)
        return followed.as_of if self._latest is None else max(followed.as_of, self._latest)

    def _look_at_logs(self, connection: Connection, followed: Marks) -> None:
        """Note whose links or consents changed."""
        now = self._ledger.clock()
        if self._looked_at is not None and now - self._looked_at < _LOOK_AT_LOGS:
            return
        marks, seen = read_marks(connection), followed if self._looked_at is None else self._marks
        if marks != seen:
            self._waiting.touch(touched_since(connection, seen, marks))
        self._marks, self._looked_at = marks, now
