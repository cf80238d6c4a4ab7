"""What decisions were drawn from is kept once, and read with each of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from sqlalchemy import func, select

from features.ledger import decisions
from features.ledger.decisions import Decided
from features.ledger.exporting import note_export, sections_of
from features.ledger.ledger import Ledger
from features.ledger.slates import SLATES, KeptSlate, whole_record

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def decided(number: int, who: str | None, body: str = '{"offers":[1]}') -> Decided:
    return Decided(f"d{number}", who, NOW, "{}", f'{{"n":{number}}}', slate=KeptSlate.of(body, who))


def count(ledger: Ledger) -> int:
    with ledger.database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(SLATES)).scalar_one())


def test_one_stands_for_many_decisions_and_two_people_never_share_one(ledger: Ledger) -> None:
    for group in (
        [decided(1, "c1"), decided(2, "c1"), decided(3, "c2")],
        [decided(4, "c1"), decided(5, None), decided(6, "c1", '{"offers":[2]}')],
    ):
        with ledger.database.writing() as connection:
            assert decisions.record_decisions(connection, group) == 3
    assert count(ledger) == 4
    with ledger.database.reading() as connection:
        told = {one: json.loads(decisions.decision_record(connection, f"d{one}") or "") for one in range(1, 6)}
        assert told == {one: {"n": one, "offers": [1]} for one in range(1, 6)}
        pages = list(decisions.recorded_decisions(connection, at_once=2))
        assert [(one.decision_id, json.loads(one.record)["n"]) for page in pages for one in page][:4] == [(f"d{n}", n) for n in range(1, 5)]
        groups = list(decisions.whole_records(connection, at_once=2))
        assert sorted(whose for group in groups for whose, _ in group) == ["c1", "c1", "c1", "c1", "c2"]


def test_a_record_of_its_own_is_read_as_it_is(ledger: Ledger) -> None:
    with ledger.database.writing() as connection:
        decisions.record_decisions(connection, [Decided("d1", "c1", NOW, "{}", '{"format":1}'), Decided("d2", "c1", NOW, "{}")])
    with ledger.database.reading() as connection:
        assert decisions.decision_record(connection, "d1") == '{"format":1}'
        assert decisions.decision_record(connection, "d2") is None
        assert decisions.decision_record(connection, "d3") is None
    assert whole_record('{"a":1}', '{"b":2}') == '{"a":1,"b":2}'


def test_a_persons_export_holds_them(ledger: Ledger) -> None:
    with ledger.database.writing() as connection:
        decisions.record_decisions(connection, [decided(1, "c1"), decided(2, "c2")])
    export = note_export(ledger, "c1", actor="test")
    assert export.counts["slates"] == 1
    found = {name: list(rows) for name, rows in sections_of(ledger.database, export)}
    assert [row["body"] for row in found["slates"]] == [{"offers": [1]}]
