"""Decisions that are not committed yet count: in one process always, between two from the commit on."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.decisions.policy import Cap, ContactPolicy
from features.ledger import identities
from features.ledger.contacts import Contact
from features.ledger.decisions import Decided, Outcome, record_decisions, record_outcomes
from features.ledger.ledger import Ledger, open_ledger
from features.settings import FeatureSettings
from serving.decision_log import DecisionLog
from serving.decisioning.contact_policy import ContactRules
from serving.permissions import Permissions

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
RULES = ContactRules.compile(ContactPolicy(caps=(Cap(most=2, period="day"),), quiet_hours=None), ("sms",))


@dataclass(frozen=True)
class Coupon:
    type: str = "coupon"
    channels: tuple[str, ...] = ("sms",)


@dataclass
class Worker:
    """One process that decides; the test says when it may commit."""

    name: str
    ledger: Ledger
    may_commit: threading.Event = field(default_factory=threading.Event)
    log: DecisionLog = field(init=False)
    decided: int = 0

    def __post_init__(self) -> None:
        self.log = DecisionLog(self._write, lambda *_: None)

    def _write(self, group: Sequence[Decided]) -> None:
        assert self.may_commit.wait(20)
        with self.ledger.database.writing() as connection:
            record_decisions(connection, group)

    def send(self, who: str) -> bool:
        """Whether a message was decided on."""
        permitted = Permissions(self.ledger).of(who, ("sms",), since=NOW - RULES.look_back)
        history = self.log.contacts.joined(permitted.history)
        if RULES.verdict(Coupon(), "sms", history, NOW) is not None:
            return False
        self.decided += 1
        contact = Contact(f"{self.name}{self.decided}", who, "sms", "coupon", "coupon:1", f"{self.name}{self.decided}", NOW)
        self.log.put(Decided(contact.contact_id, who, NOW, "{}", contact=contact))
        return True

    def commit(self) -> None:
        self.may_commit.set()
        self.log.close()


@pytest.fixture
def ledger(ledger_address: str, tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(FeatureSettings(data_dir=tmp_path, ledger_url=ledger_address), clock=lambda: NOW)
    with opened.database.writing() as connection:
        identities.link(connection, "card", "c1", at=NOW, source="test")
    yield opened
    opened.close()


def test_quick_calls_for_one_person_never_exceed_a_cap(ledger: Ledger) -> None:
    worker = Worker("a", ledger)
    assert [worker.send(who) for who in ("c1", "card", "c1", "card", "c2")] == [True, True, False, False, True]
    worker.commit()
    assert [worker.send(who) for who in ("c1", "card")] == [False, False]  # now the ledger says so too, and each counts once
    assert Worker("b", ledger).send("c1") is False


def test_between_two_workers_one_s_commit_counts_and_nothing_before(ledger: Ledger) -> None:
    first, second = Worker("a", ledger), Worker("b", ledger)
    assert [first.send("c1"), first.send("c1"), first.send("c1")] == [True, True, False]
    assert [second.send("c1"), second.send("card"), second.send("c1")] == [True, True, False]  # what slips through: a cap per worker
    first.commit()
    second.commit()
    third = Worker("c", ledger)
    assert third.send("card") is False


def test_a_message_that_did_not_go_makes_room(ledger: Ledger) -> None:
    worker = Worker("a", ledger)
    assert [worker.send("c1"), worker.send("c1"), worker.send("c1")] == [True, True, False]
    worker.commit()
    with ledger.database.writing() as connection:
        record_outcomes(connection, [Outcome("o1", "a1", "coupon:1", "not_sent", None, NOW)], received_at=NOW)
    assert Worker("b", ledger).send("c1") is True
    assert worker.send("c1") is False  # for a minute more, where the outcome came by another worker
    worker.log.contacts.give_back(["a1"])  # as the route for outcomes does
    assert worker.send("c1") is True
