from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.ledger.decision_spool import DecisionSpool
from features.ledger.decisions import Decided
from features.ledger.errors import LedgerAway, LedgerBroken
from serving.decision_log import DecisionLog

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SOON = 20.0  # seconds after which a test gives up


def decided(number: int) -> Decided:
    return Decided(f"d{number}", "c1", NOW, "{}")


def wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


class Ledger:
    """Stands for the database: may be away, refuse, or take its time."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.groups: list[list[str]] = []
        self.written = threading.Condition()
        self.open = threading.Event()
        self.open.set()

    def write(self, group: Sequence[Decided]) -> None:
        assert self.open.wait(SOON)
        if self.errors:
            raise self.errors.pop(0)
        with self.written:
            self.groups.append([one.decision_id for one in group])
            self.written.notify_all()

    def all(self) -> list[str]:
        return [one for group in self.groups for one in group]


class Counted(Counter[str]):
    def tell(self, fate: str, number: int) -> None:
        self[fate] += number


def test_decisions_are_committed_in_order_and_in_groups() -> None:
    ledger, counted = Ledger(), Counted()
    log = DecisionLog(ledger.write, counted.tell)
    for number in range(1200):
        log.put(decided(number))
    with ledger.written:
        assert ledger.written.wait_for(lambda: len(ledger.all()) == 1200, timeout=SOON)  # without being closed
    log.close()
    assert ledger.all() == [f"d{i}" for i in range(1200)]
    assert len(ledger.groups) < 100
    assert counted == {"recorded": 1200}


def test_closing_commits_what_waits() -> None:
    ledger, counted = Ledger(), Counted()
    log = DecisionLog(ledger.write, counted.tell)
    for number in range(7):
        log.put(decided(number))
    log.close()
    assert ledger.all() == [f"d{i}" for i in range(7)]
    log.put(decided(8))  # nobody would commit it any more
    assert counted == {"recorded": 7, "lost": 1}


def test_closing_what_never_began() -> None:
    DecisionLog(Ledger().write, Counted().tell).close()


def test_a_database_that_is_away_is_tried_again() -> None:
    ledger, counted = Ledger(LedgerAway("away"), LedgerAway("away"), LedgerAway("away")), Counted()
    log = DecisionLog(ledger.write, counted.tell, pause=0.001)
    log.put(decided(1))
    with ledger.written:
        assert ledger.written.wait_for(lambda: bool(ledger.groups), timeout=SOON)
    log.close()
    assert ledger.all() == ["d1"]
    assert counted == {"recorded": 1}


@pytest.mark.parametrize("error", [LedgerBroken("broken"), RuntimeError("a bug")])
def test_what_is_refused_for_good_is_lost_and_the_next_goes_on(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    ledger, counted = Ledger(error), Counted()
    ledger.open.clear()
    log = DecisionLog(ledger.write, counted.tell)
    log.put(decided(1))
    log.put(decided(2))
    ledger.open.set()
    log.close()
    assert counted["lost"] + counted["recorded"] == 2
    assert counted["lost"] >= 1
    assert "not recorded" in caplog.text


def test_what_finds_no_room_is_lost_and_nobody_waits() -> None:
    ledger, counted = Ledger(), Counted()
    ledger.open.clear()  # the database hangs
    log = DecisionLog(ledger.write, counted.tell, room=100)
    for number in range(250):
        log.put(decided(number))
    assert counted == {"lost": 150}
    ledger.open.set()
    log.close()
    assert ledger.all() == [f"d{i}" for i in range(100)]
    assert counted == {"lost": 150, "recorded": 100}


def test_a_database_that_stays_away_does_not_keep_the_service_from_stopping(caplog: pytest.LogCaptureFixture) -> None:
    counted = Counted()
    log = DecisionLog(Ledger(*[LedgerAway("away")] * 1000).write, counted.tell, pause=600)
    for number in range(3):
        log.put(decided(number))
    log.close()
    assert counted == {"lost": 3}
    assert "3 decisions were not recorded" in caplog.text


class Once(Ledger):
    """As the real one: a decision that is there already is not written again."""

    def put(self, group: Sequence[Decided]) -> int:
        known = set(self.all())
        self.write([one for one in group if one.decision_id not in known])
        return len([one for one in group if one.decision_id not in known])


def spool(folder: Path) -> DecisionSpool:
    return DecisionSpool(folder, limit_bytes=1_000_000)


def test_a_slow_commit_is_no_database_that_is_away(tmp_path: Path) -> None:
    counted, log_spool = Counted(), DecisionSpool(tmp_path, limit_bytes=1_000_000)

    def write(_: Sequence[Decided]) -> None:
        time.sleep(0.1)  # behind an import, say; after the tenth of a second in which a group gathers

    log = DecisionLog(write, counted.tell, spool=log_spool)
    for number in range(150):
        log.put(decided(number))
        time.sleep(0.01)
        assert log.problem is None
    log.close()
    assert counted == {"recorded": 150}


def test_what_waits_is_on_the_disk_and_another_process_records_it(tmp_path: Path) -> None:
    away, counted = Once(*[LedgerAway("gone for lunch")] * 1000), Counted()
    log = DecisionLog(away.put, counted.tell, spool=spool(tmp_path), pause=0.01)
    for number in range(5):
        log.put(decided(number))
    wait_for(lambda: log.spooled == 5)
    assert log.waiting == 5
    assert log.problem == "gone for lunch"
    log.close()
    assert counted == {"spooled": 5}
    back, counted = Once(), Counted()
    following = DecisionLog(back.put, counted.tell, spool=spool(tmp_path))
    assert following.resume() == 5
    wait_for(lambda: following.waiting == 0)
    following.put(decided(5))
    following.close()
    assert back.all() == [f"d{i}" for i in range(6)]
    assert counted == {"recorded": 6}
    assert not list(tmp_path.rglob("*.spool"))


def test_it_recovers_by_itself(tmp_path: Path) -> None:
    ledger, counted = Once(*[LedgerAway("away")] * 40), Counted()
    log = DecisionLog(ledger.put, counted.tell, spool=spool(tmp_path), pause=0.02)
    log.put(decided(0))
    wait_for(lambda: log.spooled == 1)
    wait_for(lambda: log.waiting == 0)
    assert log.problem is None
    log.put(decided(1))
    log.close()
    assert ledger.all() == ["d0", "d1"]
    assert counted == {"spooled": 1, "recorded": 2}


def test_a_commit_that_hangs_keeps_nothing_from_the_disk_and_nothing_is_counted_twice(tmp_path: Path) -> None:
    ledger, counted = Once(), Counted()
    ledger.open.clear()
    log = DecisionLog(ledger.put, counted.tell, spool=spool(tmp_path))
    for number in range(3):
        log.put(decided(number))
    wait_for(lambda: log.spooled == 3)
    log.put(decided(3))
    wait_for(lambda: log.spooled == 4)
    ledger.open.set()
    wait_for(lambda: log.waiting == 0)
    log.put(decided(4))
    log.close()
    assert sorted(ledger.all()) == [f"d{i}" for i in range(5)]
    assert counted == {"spooled": 4, "recorded": 5}


def test_what_is_refused_for_now_stays_on_the_disk(tmp_path: Path) -> None:
    counted = Counted()
    log = DecisionLog(Once(*[LedgerBroken("not migrated")] * 1000).put, counted.tell, spool=spool(tmp_path), pause=0.01)
    log.put(decided(1))
    wait_for(lambda: log.spooled == 1)
    log.close()
    assert counted == {"spooled": 1}
    following = spool(tmp_path)
    assert following.take_over() == 1
    following.close()


def test_where_the_disk_takes_nothing_either_it_waits_in_memory(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ledger, counted = Once(), Counted()
    ledger.open.clear()
    log = DecisionLog(ledger.put, counted.tell, spool=DecisionSpool(tmp_path, limit_bytes=0), room=3)
    for number in range(5):
        log.put(decided(number))
    wait_for(lambda: "not safe from a kill" in caplog.text)
    ledger.open.set()
    log.close()
    assert ledger.all() == ["d0", "d1", "d2"]
    assert counted == {"lost": 2, "recorded": 3}
