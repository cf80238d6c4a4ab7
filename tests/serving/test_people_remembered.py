"""What was found for somebody is kept only as long as it would be found again."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from features.ledger import consents, erasing, identities
from features.ledger.consents import State, Statement
from features.ledger.contacts import Contact, give_back, record_contacts
from features.ledger.database import LedgerDatabase
from features.ledger.events import Event
from features.ledger.ledger import Ledger, open_ledger
from features.ledger.migrating import downgrade, migrate
from features.settings import FeatureSettings
from serving import permissions
from serving.permissions import Permissions

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
PEOPLE = [f"c{number}" for number in range(9)]
CHANNELS = ("sms", "email")


@pytest.fixture
def ledger(ledger_address: str, tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(FeatureSettings(data_dir=tmp_path, ledger_url=ledger_address), clock=lambda: NOW)
    yield opened
    opened.close()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger in a file; a server tells no changes."""
    opened = open_ledger(FeatureSettings(data_dir=tmp_path), clock=lambda: NOW)
    yield opened
    opened.close()


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Who was looked up."""
    told: list[list[str]] = []
    before = Permissions._looked_up.__globals__["read_people"]

    def noted(database: LedgerDatabase, asked: object, **more: object) -> object:
        told.append(list(asked))  # type: ignore[call-overload]
        return before(database, asked, **more)

    monkeypatch.setattr("serving.permissions.read_people", noted)
    return told


def contact(name: str, who: str, days: float) -> Contact:
    return Contact(name, who, "sms", "item", "item:1", name, NOW - timedelta(days=days))


def writes(ledger: Ledger, chance: random.Random) -> list[Callable[[int], object]]:
    """Everything that can happen to somebody."""

    def anybody() -> str:
        return chance.choice(PEOPLE)

    def written(work: Callable[..., object], *told: object, **more: object) -> object:
        with ledger.database.writing() as connection:
            return work(connection, *told, **more)

    def said(number: int) -> object:
        state = chance.choice([State.GRANTED, State.WITHDRAWN])
        statement = Statement(anybody(), chance.choice(["*", "marketing", "personalisation"]), chance.choice(["*", "sms"]), state, NOW, "t")
        return written(consents.state, [statement] if statement.channel == "*" or statement.purpose != "personalisation" else [])

    return [
        said,
        lambda number: written(record_contacts, [contact(f"d{number}", anybody(), chance.uniform(0, 40))]),
        lambda number: written(give_back, [f"d{chance.randrange(number + 1)}"]),
        lambda number: ledger.append([Event(f"m{number}", "complaint_opened", anybody(), NOW, "t", json.dumps({"complaint_id": "x"}))]),
        lambda number: written(identities.link, f"card{number}", anybody(), at=NOW, source="t") if chance.random() < 0.2 else None,
        lambda number: erasing.begin(ledger, anybody(), actor="t") if chance.random() < 0.2 else None,
        lambda number: None,
    ]


@pytest.mark.parametrize("seed", range(4))
def test_what_is_remembered_is_what_would_be_found(ledger: Ledger, seed: int) -> None:
    chance, remembering, plain = random.Random(seed), Permissions(ledger, 6), Permissions(ledger)  # noqa: S311 - a test's own draw
    possible = writes(ledger, chance)
    for number in range(120):
        chance.choice(possible)(number)
        since = chance.choice([None, NOW - timedelta(days=30), NOW - timedelta(days=chance.uniform(0, 40))])
        channels = chance.choice([CHANNELS, CHANNELS, ("email",)])
        asked = [*chance.choices(PEOPLE, k=chance.choice([1, 1, 5])), *([None] if chance.random() < 0.1 else [])]
        assert remembering._of_many(asked, channels, since=since) == plain._of_many(asked, channels, since=since), number


def test_nobody_is_looked_up_twice_while_nothing_happens_to_them(file: Ledger, looks: list[list[str]]) -> None:
    ledger, people, since = file, Permissions(file, 3), NOW - timedelta(days=30)
    for _ in range(3):
        people.of("c1", CHANNELS, since=since)
    assert looks == [["c1"]]
    ledger.append([Event("m1", "complaint_opened", "c2", NOW, "t", json.dumps({"complaint_id": "x"}))])
    people.of("c1", CHANNELS, since=since + timedelta(days=1))
    people.of("c1", CHANNELS)
    assert looks == [["c1"]], "what happened to another is nothing to them, and less is asked"
    people.of("c1", CHANNELS, since=since - timedelta(days=1))
    people.of("c1", ("email",), since=since)
    assert looks == [["c1"]] * 3, "further back, and other channels"
    people._of_many(["c1", "c2", "c3", "c4"], ("email",), since=since)
    assert looks[3] == ["c2", "c3", "c4"]
    people.of("c1", ("email",), since=since)
    assert looks[4:] == [["c1"]], "the longest ago was forgotten for them"
    people.look()
    people.of("c1", ("email",), since=since)
    assert not looks[5:], "whoever nothing has changed about is kept"
    with ledger.database.writing() as connection:
        identities.link(connection, "card", "c1", at=NOW, source="t")
    for _ in range(2):
        people.of("c1", ("email",), since=since)
    assert looks[5:] == [["c1"]] * 2, "with a second id they are looked up every time"


def test_who_changed_something_meanwhile_is_looked_up_again(file: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    people, before, once = Permissions(file, 3), permissions.read_people, [True]
    with file.database.writing() as connection:
        consents.state(connection, [Statement("c1", "*", "*", State.GRANTED, NOW, "t")])

    def withdrawn_meanwhile(database: LedgerDatabase, asked: Any, **more: Any) -> Any:
        found = before(database, asked, **more)
        if once.pop() if once else False:
            with file.database.writing() as connection:
                consents.state(connection, [Statement("c1", "*", "*", State.WITHDRAWN, NOW, "t")])
        return found

    monkeypatch.setattr(permissions, "read_people", withdrawn_meanwhile)
    assert people.of("c1", CHANNELS).personal, "as it was when it was read"
    assert not people.of("c1", CHANNELS).personal


def test_nothing_is_kept_of_who_was_erased_nor_where_changes_are_not_told(file: Ledger) -> None:
    people = Permissions(file, 9)
    for one in ("c1", "c2"):
        people.of(one, CHANNELS)
    erasing.begin(file, "c1", actor="t")
    people.look()
    assert not people._found
    for one in ("c1", "c2"):
        people.of(one, CHANNELS)
    file.append([Event("m1", "complaint_opened", "c2", NOW, "t", json.dumps({"complaint_id": "x"}))])
    people.look()
    assert list(people._found) == ["c1"]
    with file.database.writing() as connection:
        connection.execute(text("DROP TRIGGER people_changes_consents_insert"))
    people.look()
    assert not people._found
    people.of("c2", CHANNELS)
    assert not people._found


def test_a_ledger_that_goes_back_and_on_while_a_service_runs_is_looked_up(file: Ledger) -> None:
    people = Permissions(file, 9)
    with file.database.writing() as connection:
        consents.state(connection, [Statement("c1", "*", "*", State.GRANTED, NOW, "t")])
    assert people.of("c1", CHANNELS).personal
    downgrade(file.database, "0008")
    with file.database.writing() as connection:
        consents.state(connection, [Statement("c1", "*", "*", State.WITHDRAWN, NOW, "t")])
    migrate(file.database)
    assert not people.of("c1", CHANNELS).personal
