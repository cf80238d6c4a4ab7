from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from features.ledger.decisions import Decided
from features.ledger.errors import LedgerAway, LedgerBroken
from serving.decision_log import DecisionLog

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SOON = 20.0  # seconds after which a test gives up


def decided(number: int) -> Decided:
    return Decided(f"d{number}", "c1", NOW, "{}")


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
