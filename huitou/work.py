"""`huitou work`: the process that keeps features fresh beside the API."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.errors import HuitouError
from huitou.console import output
from huitou.logs import LogSettings, set_up_logs
from huitou.options import DataDir, Now, clock, feature_settings

if TYPE_CHECKING:
    from features.refreshing.following import Following
    from features.settings import FeatureSettings

POLL_SECONDS = 0.2
_RETRY_SECONDS = 2.0  # after an error: a database that restarts, a build that does not exist yet
_POLITE = 5  # beside the service, answers come first
LOCK = ".work.lock"  # in the data folder, held while a worker runs
_LOG = logging.getLogger("huitou.work")


def work(
    data_dir: DataDir = None,
    now: Now = None,
    once: Annotated[bool, typer.Option("--once", help="Stop when nothing is left to do, for cron and tests.")] = False,
    beside: Annotated[
        bool, typer.Option("--beside", help="End when standard input ends; wait for another worker to end.", hidden=True)
    ] = False,
) -> None:
    """Keep customers' features fresh: follow the events that come in and rewrite the customers they touch.

    `huitou serve` starts this beside itself. Touched customers are recomputed by the same definitions as in `huitou build` and written to
    the online store within seconds; a new build, or a history folded anew, is taken up when it appears. One worker a data folder.
    """
    set_up_logs(LogSettings())
    settings, ending = feature_settings(data_dir), threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ending.set())
    if beside:
        os.nice(_POLITE)
        threading.Thread(target=_end_with_parent, args=(ending,), daemon=True).start()
    with _alone(settings.data_dir, wait=beside, ending=ending):
        if not ending.is_set():
            _run(settings, clock(now), ending, once=once)


def _run(settings: FeatureSettings, now: datetime | None, ending: threading.Event, *, once: bool) -> None:
    from features.erasing.resuming import resume_erasures
    from features.ledger.ledger import open_ledger
    from features.refreshing.following import Following
    from huitou.actor import command_actor

    def forget() -> None:
        done = resume_erasures(settings, ledger, actor=command_actor(), wait=once)
        if any(erasure.finished_at for erasure in done):
            following.reopen()  # what it holds in memory may hold them

    if not sys.warnoptions:
        warnings.simplefilter("ignore", DeprecationWarning)  # as `huitou.main`; importing Feast has changed the filters
    ledger = open_ledger(settings)
    following = Following(settings, ledger, now=now)
    try:
        if once:
            forget()
            _until_idle(following, ending)
        else:
            _forever(following, ending, forget)
    finally:
        following.close()
        ledger.close()


def _until_idle(following: Following, ending: threading.Event) -> None:
    events = customers = gone = 0
    while not ending.is_set() and not (step := following.step()).idle:
        events, customers, gone = events + step.events, customers + step.customers, gone + step.gone
    output().print(f"{events:,} events seen; {customers:,} rows of customers rewritten, {gone:,} without a row.")


def _forever(following: Following, ending: threading.Event, forget: Callable[[], None]) -> None:
    said = ""
    while not ending.is_set():
        try:
            forget()
            pause = POLL_SECONDS if following.step().idle else 0.0
            said = ""
        except HuitouError as error:
            if str(error) != said:  # once, not at every try
                _LOG.warning("Features are not refreshed: %s", error)
                said = str(error)
            pause = _RETRY_SECONDS
        ending.wait(pause)


def _end_with_parent(ending: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    ending.set()


@contextlib.contextmanager
def _alone(data_dir: Path, *, wait: bool, ending: threading.Event) -> Iterator[None]:
    """Be the only worker of a data folder.

    Raises:
        HuitouError: another one is at work, and this one does not wait.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / LOCK).open("w") as file:
        while not ending.is_set():
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not wait:
                    raise HuitouError(f"Another worker keeps {data_dir} fresh already; `huitou serve` starts one beside itself.") from None
                ending.wait(_RETRY_SECONDS)
        yield
