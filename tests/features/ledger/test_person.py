"""The short way to one person says what the general readers say, of people with one id and with several."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url

from features.ledger import consents, identities
from features.ledger.consents import State, Statement
from features.ledger.contact_history import NO_HISTORY, read_history
from features.ledger.contacts import Contact, record_contacts
from features.ledger.database import LedgerDatabase
from features.ledger.errors import LedgerBroken
from features.ledger.events import Event
from features.ledger.ledger import Ledger
from features.ledger.person import read_people, read_person
from tests.features.ledger.conftest import NOON

DAY = timedelta(days=1)
SINCE = NOON - 30 * DAY


def event(number: int, who: str, kind: str, *, days: float = 1, **properties: object) -> Event:
    return Event(f"m{number}", kind, who, NOON - days * DAY, "test", json.dumps(properties))


def filled(ledger: Ledger) -> None:
    ledger.append(
        [
            event(1, "alone", "complaint_opened", days=2, complaint_id="x"),
            event(2, "alone", "product_reviewed", rating=5),
            event(3, "alone", "product_reviewed", days=3, rating=1),
            event(4, "alone", "unsubscribed", days=40, channel="sms"),
            event(5, "card", "group_left", days=4),
            event(6, "alone", "product_viewed", product_id="p"),
        ]
    )
    with ledger.database.writing() as connection:
        identities.link(connection, "card", "linked", at=NOON, source="test")
        consents.state(
            connection,
            [
                Statement("alone", "marketing", "sms", State.WITHDRAWN, NOON - DAY, "letter"),
                Statement("alone", "*", "*", State.GRANTED, NOON - 9 * DAY, "shop"),  # said before, told after it
                Statement("card", "*", "*", State.GRANTED, NOON - 9 * DAY, "till"),
            ],
        )
        also = (("coupon", "coupon:1"),)
        sent = [("d1", "alone", 3.0), ("d2", "alone", 2.0), ("d3", "card", 1.0), ("d4", "alone", 90.0)]
        record_contacts(connection, [Contact(i, who, "email", "item", "item:1", i, NOON - d * DAY, also=also) for i, who, d in sent])


def test_both_ways_agree(ledger: Ledger) -> None:
    filled(ledger)
    for asked in ("alone", "card", "linked", "nobody", "it's ? %s"):
        with ledger.database.reading() as connection:
            found = read_person(ledger.database, asked, since=SINCE)
            behind = identities.resolve(connection, asked)
            ids = identities.ids_of(connection, behind)
            assert found.customer_id == behind
            assert found.statements == consents.history(connection, ids)
            assert found.history == read_history(connection, ids, since=SINCE)
            assert read_person(ledger.database, asked, since=None).history == NO_HISTORY
    with ledger.database.reading() as connection:
        alone = read_person(ledger.database, "alone", since=SINCE)
    assert (len(alone.statements), len(alone.history.contacts), len(alone.history.negatives)) == (2, 2, 2)


def test_many_are_told_as_each_alone(ledger: Ledger) -> None:
    filled(ledger)
    for asked in ([], ["card", "alone", "card"], ["nobody", *(f"stranger {n}" for n in range(70)), "alone", "it's ? %s", "linked"]):
        for since in (SINCE, None):
            found = read_people(ledger.database, asked, since=since)
            assert found == {one: read_person(ledger.database, one, since=since) for one in asked}
            assert list(found) == list(dict.fromkeys(asked))


def test_an_undone_link_counts_no_longer(ledger: Ledger) -> None:
    filled(ledger)
    with ledger.database.writing() as connection:
        assert identities.undo(connection, 1, at=NOON) == "linked"
    with ledger.database.reading() as connection:
        assert read_person(ledger.database, "card", since=SINCE).customer_id == "card"
        assert read_person(ledger.database, "linked", since=SINCE).statements == []


def test_a_ledger_that_cannot_be_read_is_told_as_everywhere(tmp_path: Path) -> None:
    damaged = tmp_path / "ledger.db"
    damaged.write_bytes(b"no database at all, whatever its name says" * 100)
    database = LedgerDatabase(make_url(f"sqlite:///{damaged}"), patience=0.2)
    with pytest.raises(LedgerBroken, match="damaged"):
        read_person(database, "alone", since=SINCE)
    database.close()


def test_what_was_written_just_now_is_read_by_every_thread(ledger: Ledger) -> None:
    def look() -> int:
        return len(read_person(ledger.database, "late", since=SINCE).statements)

    with ThreadPoolExecutor(3) as pool:
        assert [pool.submit(look).result() for _ in range(6)] == [0] * 6
        with ledger.database.writing() as connection:
            consents.state(connection, [Statement("late", "*", "*", State.GRANTED, NOON, "shop")])
        assert [pool.submit(look).result() for _ in range(6)] == [1] * 6
        assert look() == 1
