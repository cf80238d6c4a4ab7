"""One look says whether anything is new, whatever it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import make_url

from features.ledger.catalogue import Kind, documents_change, put_documents, put_stock
from features.ledger.database import LedgerDatabase
from features.ledger.errors import LedgerBroken
from features.ledger.events import Event
from features.ledger.ledger import Ledger
from features.ledger.news import anything_new
from tests.features.ledger.conftest import NOON


def test_whatever_comes_is_new_until_it_was_seen(ledger: Ledger) -> None:
    seen = {"seq": 0, "stock": 0, "documents": 0}

    def new() -> bool:
        return anything_new(ledger.database, **seen)

    assert not new()
    ledger.append([Event("m1", "product_viewed", "c1", NOON, "test", "{}")])
    assert new()
    seen["seq"] = 1
    assert not new()
    with ledger.database.writing() as connection:
        put_stock(connection, {"p1": 3, "p2": None}, at=NOON)
    assert new()
    seen["stock"] = 2
    assert not new()
    for change, kind in enumerate((Kind.EXPERIMENT, Kind.OFFER), 1):
        with ledger.database.writing() as connection:
            put_documents(connection, kind, {"one": "{}"}, at=NOON)
            assert documents_change(connection) == documents_change(connection, kind) == change
        assert new()
        seen["documents"] = change
        assert not new()
    with ledger.database.writing() as connection:
        put_stock(connection, {"p1": 4}, at=NOON)
    assert new()


def test_a_ledger_that_was_not_migrated_is_told_as_everywhere(tmp_path: Path) -> None:
    database = LedgerDatabase(make_url(f"sqlite:///{tmp_path / 'empty.db'}"))
    with pytest.raises(LedgerBroken, match="migrate"), database.reading():
        anything_new(database, seq=0, stock=0, documents=0)
    database.close()
