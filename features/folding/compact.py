"""Folds what came since the last fold into the Parquet history: exactly once, whatever happens in between.

The number of the last folded event stands in the same version folder as the folded rows, so both become current in one rename. A crash
before it folds the same events again from the same state; a crash between the fold and the composition leaves the earlier history, and the
next run composes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from features.errors import StateBroken
from features.folding.compose import compose
from features.folding.erased import people_in, without_erased
from features.folding.fold import Fold
from features.folding.folded import Folded, read_folded, write_folded
from features.ledger import events as ledger_events
from features.ledger.ledger import ledger_exists, open_ledger
from features.permitted import erased_among
from features.settings import FeatureSettings
from features.sweep_lock import writing_people

_AT_ONCE = 20_000  # events read in one go, some 10 MB


@dataclass(frozen=True)
class Compacted:
    """What a compaction did.

    Attributes:
        after: number of the last event folded before.
        until: number of the last event folded now.
        kept: kind → events that became rows now.
        set_aside: kind → events that stay in the ledger only.
        changed: whether the history is another than before.
    """

    after: int
    until: int
    kept: dict[str, int]
    set_aside: dict[str, int]
    changed: bool

    @property
    def events(self) -> int:
        """Events looked at now."""
        return sum(self.kept.values()) + sum(self.set_aside.values())


def compact(settings: FeatureSettings, *, progress: Callable[[str], None] = lambda _: None) -> Compacted:
    """Fold the ledger's new events and put the history together.

    Args:
        settings: says where.
        progress: told the name of each part as it begins.

    Raises:
        LedgerAway, LedgerBroken: the ledger cannot be read; nothing changed.
        OutOfSpace: the disk is full; nothing changed.
        StateBroken: the folded tables cannot be read, or are newer than the ledger.
    """
    with writing_people(settings.data_dir):
        return _compact(settings, progress)


def _compact(settings: FeatureSettings, progress: Callable[[str], None]) -> Compacted:
    earlier = read_folded(settings)
    making, until = (Fold(), earlier.until) if not ledger_exists(settings) else _fold(settings, earlier.until, progress)
    if until != earlier.until:
        progress("writing the folded tables")
        tables = making.tables()
        tables = without_erased(tables, erased_among(settings, people_in(tables)))  # who was erased since the events were read
        write_folded(settings, earlier, Folded(None, until, tables, making.kept, making.set_aside))
    progress("putting the history together")
    changed = compose(settings)
    return Compacted(earlier.until, until, making.kept, making.set_aside, changed)


def _fold(settings: FeatureSettings, after: int, progress: Callable[[str], None]) -> tuple[Fold, int]:
    making, until = Fold(), after
    ledger = open_ledger(settings)
    try:
        with ledger.database.reading() as connection:
            newest = ledger_events.newest(connection)
            if ledger_events.last_given(connection) < after:
                raise StateBroken(
                    f"The folded history knows events up to number {after:,}, the ledger has never given so many: an older ledger was put "
                    "in its place. Restore the files of the same backup too; events to come would be taken for folded ones."
                )
            while until < newest:
                part = ledger_events.read(connection, after=until, until=newest, limit=_AT_ONCE)
                if not part:
                    break
                making.add(part)
                until = part[-1].seq
                progress(f"events {until:,} of {newest:,}")
    finally:
        ledger.close()
    return making, until
