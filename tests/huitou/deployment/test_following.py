from __future__ import annotations

import fcntl
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from features.freshness import Followed, write_followed
from features.ledger.database import LedgerDatabase, ledger_url
from features.ledger.errors import LedgerAway
from features.ledger.events import Event
from features.ledger.ledger import Ledger, open_ledger
from features.ledger.marks import Marks
from features.ledger.migrating import downgrade
from features.settings import FeatureSettings
from features.store import DATABASE
from features.versions import current_folder
from huitou.deployment.check import Verdict
from huitou.deployment.following import is_held, ledger, worker
from huitou.work import LOCK
from tests.huitou.deployment.conftest import Deployed
from tests.serving.small_shop import AS_OF


def waiting(folder: Path) -> None:
    """An event that came in a minute before the machine's clock and that no feature knows."""
    opened = open_ledger(FeatureSettings(data_dir=folder))
    Ledger(opened.database, lambda: AS_OF + timedelta(minutes=59)).append([Event("m1", "product_viewed", "c000", AS_OF, "segment", "{}")])
    opened.close()
    with closing(sqlite3.connect(current_folder(folder / "online", remedy="") / DATABASE)) as connection:
        write_followed(connection, Followed(0, Marks(), AS_OF))
        connection.commit()


def test_a_ledger_that_is_well(deployed: Deployed) -> None:
    found = ledger(deployed())
    assert found.verdict is Verdict.OK
    assert "0 events" in found.says


def test_no_ledger_yet_and_none_is_made(deployed: Deployed, folder: Path) -> None:
    (folder / "ledger.db").unlink()
    assert ledger(deployed()).verdict is Verdict.WARNING
    assert not (folder / "ledger.db").exists()


def test_a_ledger_of_another_version(deployed: Deployed, folder: Path) -> None:
    database = LedgerDatabase(ledger_url(folder, None))
    downgrade(database, "0001")
    database.close()
    found = ledger(deployed())
    assert (found.verdict, found.remedy) == (Verdict.FAILED, "Run `huitou ledger migrate`.")


def test_a_ledger_that_is_away_shows_no_password(deployed: Deployed) -> None:
    with pytest.raises(LedgerAway, match=r"127\.0\.0\.1:9") as refused:
        ledger(deployed(ledger_url="postgresql://somebody:secret@127.0.0.1:9/none"))
    assert "secret" not in str(refused.value)


def test_a_worker(deployed: Deployed, folder: Path) -> None:
    assert worker(deployed()).verdict is Verdict.WARNING
    with (folder / LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert is_held(folder / LOCK)
        assert worker(deployed()).verdict is Verdict.OK
    assert not is_held(folder / LOCK)


def test_events_that_wait_too_long(deployed: Deployed, folder: Path) -> None:
    waiting(folder)
    assert worker(deployed(behind_after_seconds=61)).verdict is Verdict.WARNING
    found = worker(deployed(behind_after_seconds=59))
    assert found.verdict is Verdict.FAILED
    assert "1 events wait, the oldest for 60 seconds" in found.says
    assert "huitou work" in found.remedy
