"""What was answered more than once is kept once, and read with each decision that says it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text

from features.ledger import decisions, erasing
from features.ledger.answers import ANSWERS, KeptAnswer, whole_answer
from features.ledger.by_driver import add_rows, known_ids
from features.ledger.decisions import DECISIONS, Decided
from features.ledger.exporting import note_export, sections_of
from features.ledger.ledger import Ledger
from features.ledger.migrating import downgrade
from features.ledger.retention import RetentionSettings, retain
from features.ledger.slates import KeptSlate

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BEFORE, BEHIND = '{"note":"\\"decision_id\\":\\"\\"","decision_id":"', '","offers":[{"title":"5% 折扣 :x ?"}]}'


def decided(number: int, who: str | None) -> Decided:
    return Decided(f"d{number}", who, NOW, "", "{}", answer=KeptAnswer.of(BEFORE, BEHIND, who))


def read(ledger: Ledger) -> dict[str, str]:
    with ledger.database.reading() as connection:
        return {one.decision_id: one.body for page in decisions.recorded_decisions(connection) for one in page}


def test_each_decision_is_read_with_its_own_id_and_two_people_never_share_a_text(ledger: Ledger) -> None:
    own = Decided("d4", "c1", NOW, '{"decision_id":"d4"}', "{}")
    for group in ([decided(1, "c1"), decided(2, "c1"), own], [decided(3, "c2"), decided(5, "c1"), decided(6, None), decided(1, "c1")]):
        with ledger.database.writing() as connection:
            assert decisions.record_decisions(connection, group) == 3
    expected = {f"d{n}": f"{BEFORE}d{n}{BEHIND}" for n in (1, 2, 3, 5)} | {"d4": own.body}
    assert read(ledger) == expected
    assert json.loads(expected["d1"])["decision_id"] == "d1"
    with ledger.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(ANSWERS)).scalar_one() == 3


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        ('{"id":"', '"}'),
        ('{"decision_id":"', ' and more"}'),
        ('{"decision_id":"","of":{"decision_id":"', '"}}'),
        ('{"decision_id":"', '","of":{"decision_id":""}}'),
    ],
)
def test_an_answer_whose_id_could_not_be_put_back_is_not_kept_for_others(before: str, behind: str) -> None:
    assert KeptAnswer.of(before, behind, "c1") is None


def test_another_id_in_an_answer_is_left_alone() -> None:
    kept = KeptAnswer.of('{"of":{"decision_id":"x"},"decision_id":"', '"}', "c1")
    assert kept is not None
    assert whole_answer("d1", "", kept.body) == '{"of":{"decision_id":"x"},"decision_id":"d1"}'


def repeated(number: int, slate: KeptSlate, at: datetime) -> Decided:
    return Decided(f"d{number}", "c1", at, "", f'{{"n":{number}}}', slate=slate, answer=KeptAnswer.of(BEFORE, BEHIND, "c1", slate))


def record(ledger: Ledger, number: int) -> object:
    with ledger.database.reading() as connection:
        return json.loads(decisions.decision_record(connection, f"d{number}") or "null")


def test_where_an_answer_is_its_slate_is_whatever_goes(ledger: Ledger) -> None:
    """The slate is looked for only where the answer was not found."""
    one, other = (KeptSlate.of(f'{{"offers":[{n}]}}', "c1") for n in (1, 2))
    assert KeptAnswer.of(BEFORE, BEHIND, "c1", one) != KeptAnswer.of(BEFORE, BEHIND, "c1", other)
    for number, slate, days in ((1, one, 40), (2, one, 20), (3, other, 40), (4, one, 0), (5, other, 0)):
        with ledger.database.writing() as connection:
            assert decisions.record_decisions(connection, [repeated(number, slate, NOW - timedelta(days=days))]) == 1
        if number == 3:  # the oldest decision of each answer goes; of the other nothing is left
            retain(Ledger(ledger.database, lambda: NOW), RetentionSettings(decisions_days=30), folded_until=0, apply=True, actor="test")
    assert [record(ledger, n) for n in range(1, 6)] == [
        None,
        {"n": 2, "offers": [1]},
        None,
        {"n": 4, "offers": [1]},
        {"n": 5, "offers": [2]},
    ]
    erasing.begin(Ledger(ledger.database, lambda: NOW), "c1", actor="test")
    with ledger.database.writing() as connection:
        assert decisions.record_decisions(connection, [repeated(6, one, NOW + timedelta(days=1))]) == 1
    assert [record(ledger, n) for n in (4, 6)] == [None, {"n": 6, "offers": [1]}]


def test_an_answer_of_its_own_is_read_as_it_is() -> None:
    assert whole_answer("d1", '{"decision_id":""}', None) == '{"decision_id":""}'


def test_a_persons_export_holds_them(ledger: Ledger) -> None:
    with ledger.database.writing() as connection:
        decisions.record_decisions(connection, [decided(1, "c1"), decided(2, "c2")])
    export = note_export(ledger, "c1", actor="test")
    found = {name: list(rows) for name, rows in sections_of(ledger.database, export)}
    (said,), (one,) = found["answers"], found["decisions"]
    assert (said["body"]["offers"], one["body"], one["answer_id"]) == ([{"title": "5% 折扣 :x ?"}], None, said["answer_id"])


def test_an_older_version_finds_every_answer_whole(ledger: Ledger) -> None:
    with ledger.database.writing() as connection:
        decisions.record_decisions(connection, [decided(1, "c1"), decided(2, "c1"), Decided("d3", "c1", NOW, "{}", "{}")])
    downgrade(ledger.database, "0007")
    with ledger.database.reading() as connection:
        told = dict(connection.execute(text("SELECT decision_id, body FROM decisions")).all())
    assert told == {"d1": f"{BEFORE}d1{BEHIND}", "d2": f"{BEFORE}d2{BEHIND}", "d3": "{}"}


def test_more_ids_than_a_statement_takes_are_asked_about(ledger: Ledger) -> None:
    ids = [f"d{n}" for n in range(1201)]
    with ledger.database.writing() as connection:
        add_rows(connection, DECISIONS, ("decision_id", "decided_at", "body"), [(one, 1, "{}") for one in ids])
        add_rows(connection, DECISIONS, ("decision_id",), [])
        assert known_ids(connection, DECISIONS, [*ids, *ids, "another"]) == set(ids)
        assert known_ids(connection, DECISIONS, []) == set()
