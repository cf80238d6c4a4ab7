"""Finishes erasures place by place. Each place can be done twice; a crash anywhere is met by doing it again.

An erasure is finished by a pass that finds nothing: whatever another command wrote meanwhile from what it had read before is found by the
next pass.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from features.erasing.other_files import forget_in_files, forget_in_staged_imports
from features.erasing.parquet_files import forget_in_tables
from features.ledger import erasing
from features.ledger.erasing import Erasure, Removed
from features.ledger.ledger import Ledger
from features.online_removal import remove_online
from features.settings import FeatureSettings

_PLACES: tuple[tuple[str, str, Callable[[FeatureSettings, Collection[str]], int]], ...] = (
    ("online", "values", lambda settings, ids: remove_online(settings.online_dir, ids)),
    ("tables", "rows", forget_in_tables),
    ("imports", "lines", forget_in_staged_imports),
    ("files", "lines and files", forget_in_files),
)
_PASSES = 5


def resume_erasures(settings: FeatureSettings, ledger: Ledger, *, actor: str) -> list[Erasure]:
    """Finish every erasure that was begun; returns them, with what was removed.

    Args:
        settings: folders.
        ledger: open.
        actor: who does it, for the audit log.

    Raises:
        LedgerAway, LedgerBroken, LedgerFull: the ledger does not answer.
        StateBroken, OutOfSpace: a file cannot be read or written; the erasure stays unfinished.
    """
    with ledger.database.reading() as connection:
        waiting = erasing.unfinished(connection)
    if not waiting:
        return []
    return [_finished(settings, ledger, erasure, actor) for erasure in waiting]


def _finished(settings: FeatureSettings, ledger: Ledger, erasure: Erasure, actor: str) -> Erasure:
    if not erasure.ids:  # every place was done when a crash came
        return erasing.finish(ledger, erasure, actor=actor)
    for _ in range(_PASSES):
        removed = {place: {what: forget(settings, erasure.ids)} for place, what, forget in _PLACES}
        erasure = erasing.note(ledger, erasure, removed)
        if not any(_total(counts) for counts in removed.values()):
            return erasing.finish(ledger, erasure, actor=actor)
    return erasure  # something writes the person faster than it is erased; the next call goes on


def _total(counts: Removed) -> int:
    return sum(counts.values())
