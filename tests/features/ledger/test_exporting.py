"""A person's rows are read in groups: every one once, few in memory, nothing held open between two groups; on either database."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest

from features.ledger import audit, decisions, erasing, exporting, identities
from features.ledger.decisions import Decided, Outcome
from features.ledger.events import Event, Fate
from features.ledger.exporting import note_export, sections_of
from features.ledger.ledger import Ledger
from tests.contracts.ledger_suite import event
from tests.features.ledger.conftest import NOON


def views(who: str, start: int, number: int, *, note: str = "") -> list[Event]:
    return [event(f"{who}-{n}", who, at=NOON, properties=json.dumps({"note": note})) for n in range(start, start + number)]


def everything(ledger: Ledger, export: exporting.Export) -> dict[str, list[dict[str, Any]]]:
    return {name: list(rows) for name, rows in sections_of(ledger.database, export)}


def test_every_row_once_under_every_id_and_the_log_counts_them(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "_KEYS_AT_ONCE", 7)
    monkeypatch.setattr(exporting, "_ROWS_AT_ONCE", 3)
    for start in range(0, 30, 10):  # the three ids take turns
        for who in ("c1", "card", "anonymous:v", "c2"):
            assert set(ledger.append(views(who, start, 10))) == {Fate.ACCEPTED}
    with ledger.database.writing() as connection:
        for alias in ("card", "anonymous:v"):
            identities.link(connection, alias, "c1", at=NOON, source="test")
        told = [Decided(f"d{n}", ("c1", "card", "c2")[n % 3], NOON, json.dumps({"n": n})) for n in range(12)]
        decisions.record_decisions(connection, told)
        outcomes = [Outcome(f"o{n}", f"d{n % 12}", "item:1", "clicked", None, NOON) for n in range(24)]
        decisions.record_outcomes(connection, outcomes, received_at=NOON)
    export = note_export(ledger, "card", actor="test")
    assert export.ids == ("c1", "anonymous:v", "card")
    ledger.append(views("c1", 30, 5))  # what comes meanwhile is for the next export
    found = everything(ledger, export)
    numbers = [row["seq"] for row in found["events"]]
    assert len(numbers) == 90
    assert numbers == sorted(set(numbers))
    assert {row["recorded_as"] for row in found["events"]} == set(export.ids)
    assert {row["decision_id"] for row in found["decisions"]} == {f"d{n}" for n in range(12) if n % 3 != 2}
    assert [row["body"]["n"] for row in found["decisions"] if row["decision_id"] == "d10"] == [10]
    assert {row["outcome_id"] for row in found["outcomes"]} == {f"o{n}" for n in range(24) if n % 12 % 3 != 2}
    assert {name: len(rows) for name, rows in found.items()} == export.counts
    with ledger.database.reading() as connection:
        (entry,) = audit.newest(connection, 1)
    assert (entry.action, json.loads(entry.detail)) == ("customer_data_exported", export.counts)
    assert everything(ledger, note_export(ledger, "nobody", actor="test")) == {name: [] for name in found}


def test_large_rows_come_a_few_at_a_time(ledger: Ledger) -> None:
    note = "x" * 100_000
    for start in range(0, 300, 50):
        ledger.append(views("c1", start, 50, note=note))  # 30 MB
    export = note_export(ledger, "c1", actor="test")
    tracemalloc.start()
    try:
        found = sum(len(row["properties"]["note"]) for _, rows in sections_of(ledger.database, export) for row in rows)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == 30_000_000
    assert peak < 5_000_000


def test_small_rows_come_a_few_at_a_time(ledger: Ledger) -> None:
    for start in range(0, 30_000, 5000):
        ledger.append(views("c1", start, 5000))
    export = note_export(ledger, "c1", actor="test")
    tracemalloc.start()
    try:
        found = sum(1 for _, rows in sections_of(ledger.database, export) for _ in rows)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == 30_000
    assert peak < 5_000_000  # all of them at once are 40 MB


def test_a_slow_reader_holds_nothing_and_what_is_erased_meanwhile_is_not_given(ledger: Ledger) -> None:
    ledger.append(views("c1", 0, 2000))
    export = note_export(ledger, "c1", actor="test")
    sections = sections_of(ledger.database, export)
    name, rows = next(sections)
    assert name == "events"
    next(rows)
    assert ledger.database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    erasing.begin(ledger, "c1", actor="test")
    erasing.wipe(ledger.database)  # on SQLite it needs the log for itself
    assert sum(1 for _ in rows) < 500
    assert [list(found) for _, found in sections] == [[]] * 8
