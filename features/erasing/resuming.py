"""Finishes erasures place by place. Each place can be done twice; a crash anywhere is met by doing it again.

It is done while nobody writes people into the files: what another command had read of a person before the wish is in its place by then, and
is found there. What came into the ledger since the wish goes last, before anybody can fold it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from features.erasing.abandoned import remove_abandoned
from features.erasing.other_files import forget_in_files, forget_in_staged_imports
from features.erasing.parquet_files import forget_in_tables
from features.ledger import erasing
from features.ledger.decision_spool import forget_in_spool
from features.ledger.erasing import Erasure
from features.ledger.ledger import Ledger
from features.online_removal import remove_online, wipe_online
from features.room import room_on
from features.settings import FeatureSettings
from features.sweep_lock import sweeping

_PLACES: tuple[tuple[str, str, Callable[[FeatureSettings, Collection[str]], int]], ...] = (
    ("online", "values", lambda settings, ids: remove_online(settings.online_dir, ids, settings.online_server)),
    ("tables", "rows", forget_in_tables),
    ("imports", "lines", forget_in_staged_imports),
    ("files", "lines and files", forget_in_files),
    ("spool", "decisions", forget_in_spool),
)
_PASSES = 5  # more only where ids are linked to the person as fast as they are erased


def resume_erasures(settings: FeatureSettings, ledger: Ledger, *, actor: str, wait: bool = True) -> list[Erasure]:
    """Finish every erasure that was begun; returns them, with what was removed.

    Args:
        settings: folders.
        ledger: open.
        actor: who does it, for the audit log.
        wait: for whoever writes people into the files at the moment, a build for instance; else nothing is done, and they stay unfinished.

    Raises:
        LedgerAway, LedgerBroken, LedgerFull: the ledger does not answer.
        StateBroken, OutOfSpace: a file cannot be read or written; the erasures stay unfinished.
    """
    if not (waiting := _unfinished(ledger)):
        return []
    with sweeping(settings.data_dir, wait=wait) as alone, room_on(settings.data_dir):
        if not alone:
            return waiting
        remove_abandoned(settings)
        swept = [_swept(settings, ledger, erasure) for erasure in _unfinished(ledger)]
        wipe_online(settings.online_dir, settings.online_server)
    settled = [erasure for erasure in swept if not erasure.ids]
    finished = erasing.finish(ledger, settled, actor=actor) if settled else []
    return [*finished, *(erasure for erasure in swept if erasure.ids)]


def _unfinished(ledger: Ledger) -> list[Erasure]:
    with ledger.database.reading() as connection:
        return erasing.unfinished(connection)


def _swept(settings: FeatureSettings, ledger: Ledger, erasure: Erasure) -> Erasure:
    for _ in range(_PASSES):
        if not erasure.ids:  # also when every place was done before a crash came
            break
        removed = {place: {what: forget(settings, erasure.ids)} for place, what, forget in _PLACES}
        erasure = erasing.settle(ledger, erasure, removed)
    return erasure
