"""Rows go when their time is over, and not before they are in the history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from features.ledger import audit, decisions, identities
from features.ledger.answers import KeptAnswer
from features.ledger.columns import micros
from features.ledger.contacts import Contact
from features.ledger.decisions import Decided, Outcome
from features.ledger.events import Event, read
from features.ledger.exposures import Exposure, exposures
from features.ledger.ledger import Ledger
from features.ledger.retention import RetentionSettings, retain
from features.ledger.slates import KeptSlate

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OLD, YOUNG = NOW - timedelta(days=100), NOW - timedelta(days=10)


def answer(said: str) -> KeptAnswer | None:
    return KeptAnswer.of('{"decision_id":"', f'","said":"{said}"}}', "c1")


def filled(ledger: Ledger) -> Ledger:
    """Two of everything: one old, one young."""
    for name, at in (("old", OLD), ("young", YOUNG)):
        then = Ledger(ledger.database, lambda at=at: at)  # type: ignore[misc]
        then.append([Event(name, "cart_viewed", "c1", at, "test", "{}")])
        with ledger.database.writing() as connection:
            contact, exposure = Contact(name, "c1", "sms", None, None, name, at), Exposure("e1", f"c-{name}", "a", at)
            told = [
                Decided(name, "c1", at, "{}", '{"a": 1}', contact, (exposure,), KeptSlate.of(f'{{"b": "{name}"}}', "c1")),
                Decided(f"{name}-2", "c1", at, "{}", '{"a": 2}', slate=KeptSlate.of('{"b": "of both"}', "c1")),
                Decided(f"{name}-3", "c1", at, "", answer=answer(name)),
                Decided(f"{name}-4", "c1", at, "", answer=answer("of both")),
            ]
            decisions.record_decisions(connection, told)
            outcome = Outcome(name, name, "o", "clicked", None, at)
            decisions.record_outcomes(connection, [outcome], received_at=at)
            made = identities.link(connection, f"card-{name}", "c1", at=at, source="test")
            identities.undo(connection, made.link_id or 0, at=at)
    return Ledger(ledger.database, lambda: NOW)


def over(ledger: Ledger, *, folded_until: int = 99, apply: bool = False, **days: int) -> dict[str, int]:
    found = retain(ledger, RetentionSettings(**days), folded_until=folded_until, apply=apply, actor="test")  # type: ignore[arg-type]
    return {kept.table: kept.over for kept in found if kept.over}


def test_without_a_setting_everything_stays(ledger: Ledger) -> None:
    assert over(filled(ledger), apply=True) == {}


def test_counting_deletes_nothing_and_deleting_takes_the_old_only(ledger: Ledger) -> None:
    later = filled(ledger)
    days = {
        "events_days": 30,
        "decisions_days": 30,
        "outcomes_days": 30,
        "contacts_days": 31,
        "exposures_days": 30,
        "undone_links_days": 30,
    }
    expected = {"events": 1, "decisions": 4, "slates": 1, "answers": 1, "outcomes": 1, "contacts": 1, "exposures": 1, "links": 1}
    assert over(later, **days) == expected
    assert over(later, **days) == expected
    assert over(later, apply=True, **days) == expected
    assert over(later, apply=True, **days) == {}
    with later.database.reading() as connection:
        assert [event.message_id for event in read(connection)] == ["young"]
        assert decisions.known_decisions(connection, ["old", "young"]) == {"young"}
        assert decisions.decision_record(connection, "young") == '{"a": 1,"b": "young"}'
        assert decisions.decision_record(connection, "young-2") == '{"a": 2,"b": "of both"}'
        assert [exposure.recorded_as for exposure in exposures(connection, "e1")] == ["c-young"]
        entries = [entry for entry in audit.newest(connection, 9) if entry.action == "retained"]
        assert len(entries) == 1
        assert audit.verify(connection).broken_at is None


def test_an_event_that_is_not_in_the_history_stays_however_old(ledger: Ledger) -> None:
    later = filled(ledger)
    assert over(later, folded_until=0, apply=True, events_days=1) == {}
    assert over(later, folded_until=1, apply=True, events_days=1) == {"events": 1}


def test_a_large_ledger_is_looked_through_once(ledger: Ledger) -> None:
    """A hundred thousand slates and answers: whoever looked through all decisions for each of them would be cut off after seconds."""
    sqlite = ledger.database.is_sqlite
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)" if sqlite else ""
    source = "n" if sqlite else "generate_series(1, 100000) AS n(i)"
    with ledger.database.writing() as connection:
        for into in (
            "slates (slate_id, body) {numbers} SELECT 's' || i, '{{}}' FROM {source}",
            "answers (answer_id, body) {numbers} SELECT 'a' || i, '{{}}' FROM {source}",
            "decisions (decision_id, decided_at, body, slate_id, answer_id) {numbers}"
            " SELECT 'd' || i, {at}, '', 's' || (i + 5), 'a' || (i + 7) FROM {source}",
        ):
            connection.execute(text(f"INSERT INTO {into.format(numbers=numbers, source=source, at=micros(YOUNG))}"))
    assert over(Ledger(ledger.database, lambda: NOW), decisions_days=30) == {"slates": 5, "answers": 7}
