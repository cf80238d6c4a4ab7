"""Messages taken in, and what is answered when the ledger cannot take them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from features.ledger import events, identities
from features.ledger.database import LedgerDatabase, ledger_url
from features.ledger.errors import LedgerAway, LedgerFull
from features.ledger.ledger import Ledger, open_ledger
from features.settings import FeatureSettings
from features.sources.messages import read_message
from serving.app import create_app
from serving.intake import Receipt, Status, shown, take_in
from serving.settings import ServingSettings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def ledger(ledger_address: str, tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(FeatureSettings(data_dir=tmp_path, ledger_url=ledger_address), clock=lambda: NOW)
    yield opened
    opened.close()


def track(message_id: str, **changed: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Cart Viewed", "messageId": message_id, "userId": "c1", **changed}


def kept(ledger: Ledger) -> list[str]:
    with ledger.database.reading() as connection:
        return [event.message_id for event in events.read(connection)]


def test_one_receipt_a_message_in_their_order(ledger: Ledger) -> None:
    receipts = take_in(ledger, [track("a"), 7, track("a"), track("b", userId=None)], read_message)
    assert [(r.index, r.message_id, r.status) for r in receipts] == [
        (0, "a", Status.ACCEPTED),
        (1, None, Status.REFUSED),
        (2, "a", Status.DUPLICATE),
        (3, "b", Status.REFUSED),
    ]
    assert take_in(ledger, [], read_message) == []
    assert take_in(ledger, [{}], read_message)[0].status is Status.REFUSED


def test_what_the_clock_says_is_when_it_came(ledger: Ledger) -> None:
    take_in(ledger, [track("a")], read_message)
    with ledger.database.reading() as connection:
        (event,) = events.read(connection)
    assert event.received_at == event.occurred_at == NOW


def test_links_are_made_in_the_order_of_the_messages(ledger: Ledger) -> None:
    told = [
        {"type": "alias", "messageId": "1", "userId": "c1", "previousId": "card"},
        {"type": "alias", "messageId": "2", "userId": "c2", "previousId": "card"},
        {"type": "alias", "messageId": "1", "userId": "c3", "previousId": "other"},
    ]
    assert [r.status for r in take_in(ledger, told, read_message)] == [Status.ACCEPTED, Status.REFUSED, Status.DUPLICATE]
    with ledger.database.reading() as connection:
        assert identities.standing(connection) == {"card": "c1"}
    assert kept(ledger) == ["1"]


def test_the_same_call_from_everywhere_at_once_is_kept_once(ledger: Ledger) -> None:
    told = [track(f"m{i}") for i in range(30)]
    told.append({"type": "identify", "messageId": "i", "userId": "c1", "anonymousId": "d"})
    with ThreadPoolExecutor(4) as pool:
        answers: list[list[Receipt]] = list(pool.map(lambda _: take_in(ledger, told, read_message), range(8)))
    statuses = [receipt.status for answer in answers for receipt in answer]
    assert (statuses.count(Status.ACCEPTED), statuses.count(Status.DUPLICATE)) == (31, 7 * 31)
    with ledger.database.reading() as connection:
        assert len(identities.log_of(connection, ["c1"])) == 1


def test_an_interrupted_commit_keeps_neither_event_nor_link(ledger: Ledger) -> None:
    if ledger.database.is_sqlite:
        statement = "CREATE TRIGGER stop BEFORE INSERT ON links BEGIN SELECT RAISE(ABORT, 'no'); END"
    else:
        statement = "ALTER TABLE links ADD CONSTRAINT stop CHECK (alias = 'nothing')"
    with ledger.database.writing() as connection:
        connection.execute(text(statement))
    with pytest.raises(Exception, match="refused"):
        take_in(ledger, [track("a"), {"type": "identify", "messageId": "i", "userId": "c1", "anonymousId": "d"}], read_message)
    assert kept(ledger) == []


@pytest.mark.parametrize(("told", "answer"), [("a", "a"), ("x" * 500, "x" * 200), ("a\ud800b", "a?b"), ("面" * 300, "面" * 200)])
def test_what_is_repeated_of_a_sender_s_text(told: str, answer: str) -> None:
    assert shown(told) == answer


def small(folder: Path, *, patience: float = 0.2) -> Ledger:
    """An open ledger in a file, that loses patience soon."""
    settings = FeatureSettings(data_dir=folder)
    open_ledger(settings).close()
    return Ledger(LedgerDatabase(ledger_url(folder, None), patience=patience), lambda: NOW)


def test_a_database_that_somebody_else_holds_is_away_and_comes_back(tmp_path: Path, small_shop: Path) -> None:
    ledger, held, free = small(tmp_path), threading.Event(), threading.Event()

    def hold() -> None:
        with small(tmp_path).database.writing():
            held.set()
            assert free.wait(30)

    with (
        TestClient(create_app(ServingSettings(data_dir=small_shop)), raise_server_exceptions=False) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        client.app.state.services = replace(client.app.state.services, ledger=ledger)  # type: ignore[attr-defined]
        holding = pool.submit(hold)
        assert held.wait(30)
        with pytest.raises(LedgerAway):
            take_in(ledger, [track("a")], read_message)
        answer = client.post("/v1/events", json=[track("a")])
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:huitou:problem:ledger-away")
        assert int(answer.headers["retry-after"]) > 0
        free.set()
        holding.result()
        given_up = time.monotonic() + 20  # for a moment callers are told of the outage without asking again
        while (answer := client.post("/v1/events", json=[track("a")])).status_code == 503 and time.monotonic() < given_up:
            pass
        assert answer.json()["accepted"] == 1
    ledger.close()


def test_a_full_disk_keeps_nothing_of_the_call_and_says_so(tmp_path: Path, small_shop: Path) -> None:
    ledger = small(tmp_path)
    with ledger.database.reading() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
    limited = ledger.database.engine.raw_connection()
    limited.execute(f"PRAGMA max_page_count = {pages + 4}")  # type: ignore[attr-defined]
    limited.close()  # back into the pool, which hands it out next
    large = [track(str(i), properties={"x": "y" * 5_000}) for i in range(50)]
    with TestClient(create_app(ServingSettings(data_dir=small_shop)), raise_server_exceptions=False) as client:
        client.app.state.services = replace(client.app.state.services, ledger=ledger)  # type: ignore[attr-defined]
        with pytest.raises(LedgerFull):
            take_in(ledger, large, read_message)
        answer = client.post("/v1/events", json=large)
        assert (answer.status_code, answer.json()["type"]) == (507, "urn:huitou:problem:ledger-full")
        assert kept(ledger) == []
        assert client.post("/v1/events", json=[track("small")]).json()["accepted"] == 1
    ledger.close()
