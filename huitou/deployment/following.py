"""The ledger, and the worker that follows it."""

from __future__ import annotations

import fcntl
from pathlib import Path

from features.ledger.events import count, first_after, newest
from features.ledger.ledger import ledger_exists
from features.ledger.migrating import newest_revision
from huitou.deployment.check import Check, failed, ok, skipped, warning
from huitou.deployment.situation import Situation
from huitou.work import LOCK
from huitou.worker_process import can_work


def ledger(situation: Situation) -> Check:
    """It answers and is of this program's version."""
    place = situation.database.url.render_as_string(hide_password=True) if ledger_exists(situation.features) else "the data folder"
    if situation.revision is None:
        return warning(f"There is no ledger in {place} yet.", "The first event makes it, or `huitou ledger migrate`.")
    if not situation.migrated:
        return failed(
            f"{place} is of version {situation.revision}; this program needs {newest_revision()}.", "Run `huitou ledger migrate`."
        )
    with situation.database.reading() as connection:
        return ok(f"{place} answers, version {situation.revision}, {count(connection):,} events.")


def worker(situation: Situation) -> Check:
    """One runs, and events reach their customers' features in time."""
    runs = is_held(situation.data_dir / LOCK)
    waiting, seconds = _behind(situation)
    remedy = "Start `huitou work`, or `huitou serve` with its libraries installed; where it runs, look into its log."
    if seconds > situation.serving.behind_after_seconds:
        return failed(
            f"{waiting:,} events wait, the oldest for {seconds:,.0f} seconds; a worker {'runs' if runs else 'does not run'}.", remedy
        )
    if runs:
        return ok(f"It runs; {waiting:,} events wait.")
    if not can_work():
        return skipped("None runs here, and its libraries are not installed here; no event waits too long.")
    return warning(f"None runs on {situation.data_dir}; {waiting:,} events wait.", remedy)


def is_held(lock: Path) -> bool:
    """Whether a process holds a lock file; nothing is left behind."""
    if not lock.is_file():
        return False
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(file, fcntl.LOCK_UN)
        return False


def _behind(situation: Situation) -> tuple[int, float]:
    """Events that wait, and for how long the oldest has."""
    if not situation.migrated or situation.followed is None:
        return 0, 0.0
    with situation.database.reading() as connection:
        since, last = first_after(connection, situation.followed.seq), newest(connection)
    return (0, 0.0) if since is None else (last - situation.followed.seq, max(0.0, (situation.wall() - since).total_seconds()))
