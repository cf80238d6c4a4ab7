"""Whatever changes what a decision asks of a person draws their number anew, whoever writes it; nothing else of them does."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text, update

from features.ledger import consents, erasing, identities
from features.ledger.consents import State, Statement
from features.ledger.contacts import CONTACTS, Contact, give_back, record_contacts, rewrite_contacts
from features.ledger.events import NEGATIVE_KINDS, Event
from features.ledger.ledger import Ledger, open_ledger
from features.ledger.migrating import downgrade, migrate
from features.ledger.people_changes import TRIGGERS, are_told, changes_at, place_of, places_of
from features.settings import FeatureSettings
from tests.features.ledger.conftest import NOON, Clock

WHO, OTHER, CARD = "c-one", "c-two", "card-9"


@pytest.fixture
def file(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    """A ledger in a file; a server tells no changes."""
    opened = open_ledger(FeatureSettings(data_dir=tmp_path), clock=clock)
    yield opened
    opened.close()


def contact(number: int, who: str = WHO) -> Contact:
    return Contact(f"d{number}", who, "email", "item", "item:1", f"d{number}", NOON - timedelta(days=number))


def changed(ledger: Ledger, *ids: str) -> list[int | None]:
    return changes_at(ledger.database, places_of(ledger.database, ids))


def test_a_server_tells_nothing_and_a_file_that_lost_a_trigger_neither(ledger: Ledger) -> None:
    assert are_told(ledger.database) is ledger.database.is_sqlite
    if ledger.database.is_sqlite:
        with ledger.database.writing() as connection:
            connection.execute(text(f"DROP TRIGGER {TRIGGERS}contacts_update"))
        assert not are_told(ledger.database)


def test_no_number_comes_again_when_the_table_is_made_anew_or_a_backup_is_brought_back(file: Ledger) -> None:
    database, people = file.database, [f"c{number}" for number in range(40)]
    seen = [changed(file, *people)]
    assert are_told(database)
    downgrade(database, "0008")
    assert not are_told(database)
    migrate(database)
    seen.append(changed(file, *people))
    copy = sqlite3.connect(":memory:")
    with contextlib.closing(sqlite3.connect(str(database.url.database))) as live:
        live.backup(copy)
        with database.writing() as connection:
            consents.state(connection, [Statement(one, "*", "*", State.GRANTED, NOON, "shop") for one in people])
        seen.append(changed(file, *people))
        copy.backup(live)
    with database.writing() as connection:
        consents.state(connection, [Statement(one, "*", "*", State.WITHDRAWN, NOON, "shop") for one in people])
    seen.append(changed(file, *people))
    for told in zip(*seen, strict=True):
        assert len(set(told)) == len(told)
    copy.close()


def test_every_write_about_somebody_is_told(file: Ledger, clock: Clock) -> None:
    seen, before_other, before_card = changed(file, WHO, OTHER, CARD)

    def raised(*, of: str = WHO) -> bool:
        nonlocal seen
        now, seen_before = changed(file, of)[0], seen
        seen = now
        return now != seen_before

    with file.database.writing() as connection:
        consents.state(connection, [Statement(WHO, "*", "*", State.GRANTED, NOON, "shop")])
    assert raised()
    with file.database.writing() as connection:
        record_contacts(connection, [contact(1)])
    assert raised()
    with file.database.writing() as connection:
        record_contacts(connection, [contact(1)])  # told again: it learns
    assert raised()
    with file.database.writing() as connection:
        rewrite_contacts(connection, [contact(1)])
    assert raised()
    with file.database.writing() as connection:
        give_back(connection, ["d1"])
    assert raised()
    with file.database.writing() as connection:
        link = identities.link(connection, CARD, WHO, at=NOON, source="test")
    assert raised()
    assert changed(file, CARD)[0] != before_card
    with file.database.writing() as connection:
        identities.undo(connection, link.link_id, at=NOON)
    assert raised()
    for number, kind in enumerate(NEGATIVE_KINDS):
        file.append([Event(f"m{number}", kind, WHO, NOON, "test", json.dumps({"rating": 1}))])
        assert raised(), kind
    file.append([Event("m99", "product_viewed", WHO, NOON, "test", "{}")])
    assert not raised(), "a look says nothing of what may be sent"
    with file.database.writing() as connection:
        record_contacts(connection, [contact(2)])
    assert raised()
    with file.database.writing() as connection:
        connection.execute(update(CONTACTS).values(recorded_as=OTHER))
    assert raised()
    assert changed(file, OTHER)[0] != before_other
    with file.database.writing() as connection:
        record_contacts(connection, [contact(3)])
    assert raised()
    clock.pass_by(days=1)
    erasing.begin(file, WHO, actor="test")
    assert raised(), "who was erased is looked up again"


def test_what_was_not_committed_is_not_told(file: Ledger) -> None:
    before = changed(file, WHO)
    with contextlib.suppress(ZeroDivisionError), file.database.writing() as connection:
        record_contacts(connection, [contact(1)])
        raise ZeroDivisionError
    assert changed(file, WHO) == before


def test_many_are_asked_about_as_each_alone(file: Ledger) -> None:
    people = [f"c{number:05d}" for number in range(75)] + ["回头客", "x", "it's ? %s", WHO, WHO]
    with file.database.writing() as connection:
        record_contacts(connection, [contact(number, who) for number, who in enumerate(people[::3])])
    assert changed(file, *people) == [changed(file, one)[0] for one in people]
    assert changed(file) == []


@pytest.mark.parametrize(
    "ids",
    [
        [f"c{number:05d}" for number in range(4000)],
        [str(number) for number in range(4000)],
        [str(uuid.UUID(int=number * 7919**9 % 2**128)) for number in range(1, 4000)],
        [f"{name}.{number}@shop.example.com" for number in range(1000) for name in ("anna.li", "bo.wang", "chris.smith", "d.meier")],
        [f"anonymous:{uuid.UUID(int=number * 7919**9 % 2**128)}" for number in range(1, 4000)],
    ],
    ids=lambda told: told[1],
)
def test_people_of_a_shop_are_spread_over_the_places(file: Ledger, ids: list[str]) -> None:
    places = Counter(places_of(file.database, ids))
    assert set(places) <= set(range(1024))
    assert max(places.values()) < 50, "of 4,000, some four at each"
    assert len(places) > 700


def test_the_file_finds_a_place_by_the_same_words_as_the_code(file: Ledger) -> None:
    rows = file.database.rows("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE ?", (f"{TRIGGERS}%",))
    assert len(rows) == 12
    for name, words in rows:
        ids = [f"{row}.{one}" for row in ("NEW", "OLD") for one in ("recorded_as", "alias", "customer_id")]
        assert any(place_of(one) in words for one in ids), name
        assert "events" not in name or all(f"'{kind}'" in words for kind in NEGATIVE_KINDS)
