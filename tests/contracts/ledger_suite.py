"""What every database of the ledger promises; its test inherits this and gives the `address` of an empty one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, text, update

from features.ledger import audit, catalogue, consents, decisions, events, exporting, identities
from features.ledger.consents import ANY, Purpose, State, Statement
from features.ledger.errors import LedgerBroken
from features.ledger.events import Event, Fate
from features.ledger.exposures import Exposure, exposed_counts, exposures
from features.ledger.ledger import Ledger, open_ledger
from features.ledger.migrating import downgrade
from features.ledger.tombstones import TOMBSTONES, erased_since, pseudonym, pseudonym_key
from features.settings import FeatureSettings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def event(message_id: str, recorded_as: str = "c1", *, at: datetime = NOW, kind: str = "product_viewed", properties: str = "{}") -> Event:
    return Event(message_id, kind, recorded_as, at, "test", properties)


class LedgerSuite:
    """Inherit and provide the fixture `address`."""

    @pytest.fixture
    def address(self) -> str:
        """HUITOU_LEDGER_URL of an empty database."""
        raise NotImplementedError

    @pytest.fixture
    def ledger(self, address: str, tmp_path: Path) -> Iterator[Ledger]:
        opened = open_ledger(FeatureSettings(data_dir=tmp_path, ledger_url=address), clock=lambda: NOW)
        yield opened
        opened.close()

    # events

    def test_what_was_appended_is_read_back_as_it_was(self, ledger: Ledger) -> None:
        told = json.dumps({"名": "面膜 🎭", "quote": "'; DROP TABLE events; --", "n": 10**30, "x": 0.1})
        sent = event("m'1", "顾客\u2028一", at=datetime(2025, 12, 31, 23, 59, 59, 999_999, UTC), properties=told)
        assert ledger.append([sent]) == [Fate.ACCEPTED]
        with ledger.database.reading() as connection:
            (found,) = events.read(connection)
            assert (found.seq, found.received_at) == (1, NOW)
            assert Event(found.message_id, found.kind, found.recorded_as, found.occurred_at, found.source, found.properties) == sent
            assert events.newest(connection) == 1
            assert events.last_occurred(connection) == sent.occurred_at

    def test_an_empty_ledger(self, ledger: Ledger) -> None:
        assert ledger.append([]) == []
        with ledger.database.reading() as connection:
            assert events.newest(connection) == 0
            assert events.last_occurred(connection) is None
            assert events.read(connection) == []
            assert list(events.read_of(connection, ["c1"])) == []

    def test_a_repeat_changes_nothing(self, ledger: Ledger) -> None:
        first = [event("a"), event("b"), event("a", "somebody else")]
        assert ledger.append(first) == [Fate.ACCEPTED, Fate.ACCEPTED, Fate.DUPLICATE]
        assert ledger.append([event("b", "c9"), event("c")]) == [Fate.DUPLICATE, Fate.ACCEPTED]
        with ledger.database.reading() as connection:
            assert [(e.message_id, e.recorded_as) for e in events.read(connection)] == [("a", "c1"), ("b", "c1"), ("c", "c1")]

    def test_more_at_once_than_a_statement_has_variables(self, ledger: Ledger) -> None:
        many = [event(f"m{i}", f"c{i}") for i in range(1200)]
        assert set(ledger.append(many)) == {Fate.ACCEPTED}
        assert set(ledger.append(many)) == {Fate.DUPLICATE}

    def test_events_before_an_erasure_stay_away_and_later_ones_come_in(self, ledger: Ledger) -> None:
        with ledger.database.writing() as connection:
            key = pseudonym_key(connection)
            connection.execute(insert(TOMBSTONES).values(subject_hash=pseudonym(key, "c1"), erased_at=NOW))
        later = NOW + timedelta(microseconds=1)
        told = [event("a"), event("b", at=NOW - timedelta(days=900)), event("c", at=later), event("d", "c2")]
        assert ledger.append(told) == [Fate.ERASED, Fate.ERASED, Fate.ACCEPTED, Fate.ACCEPTED]
        with ledger.database.reading() as connection:
            assert erased_since(connection, ["c1", "c2"]) == {"c1": NOW}
            assert [e.message_id for e in events.read(connection)] == ["c", "d"]

    def test_the_number_of_a_deleted_event_is_not_given_again(self, ledger: Ledger) -> None:
        ledger.append([event("a"), event("b")])
        with ledger.database.writing() as connection:
            connection.execute(delete(events.EVENTS).where(events.EVENTS.c.message_id == "b"))
        ledger.append([event("c")])
        with ledger.database.reading() as connection:
            assert events.newest(connection) > 2

    def test_pages_and_persons(self, ledger: Ledger) -> None:
        ledger.append([event(f"m{i}", f"c{i % 3}") for i in range(9)])
        with ledger.database.reading() as connection:
            assert [e.seq for e in events.read(connection, after=2, until=7, limit=4)] == [3, 4, 5, 6]
            assert [e.message_id for e in events.read_of(connection, ["c0", "c2"], after=3)] == ["m3", "m5", "m6", "m8"]

    def test_a_reader_never_sees_a_number_before_a_smaller_one(self, ledger: Ledger) -> None:
        """What makes "fold everything after the last number seen" lose nothing."""
        seen: list[int] = []

        def write(writer: int) -> None:
            for i in range(15):
                ledger.append([event(f"{writer}-{i}-{j}") for j in range(3)])

        with ThreadPoolExecutor(4) as pool:
            running = [pool.submit(write, writer) for writer in range(4)]
            while True:
                done = all(job.done() for job in running)
                with ledger.database.reading() as connection:
                    seen += [e.seq for e in events.read(connection, after=seen[-1] if seen else 0)]
                if done:
                    break
            for job in running:
                job.result()
        with ledger.database.reading() as connection:
            assert seen == [e.seq for e in events.read(connection)]
        assert len(seen) == 4 * 15 * 3

    def test_writers_that_send_the_same_keep_it_once(self, ledger: Ledger) -> None:
        same = [event(f"m{i}") for i in range(40)]
        with ThreadPoolExecutor(4) as pool:
            fates = [fate for job in [pool.submit(ledger.append, same) for _ in range(8)] for fate in job.result()]
        assert fates.count(Fate.ACCEPTED) == 40
        assert fates.count(Fate.DUPLICATE) == 7 * 40

    def test_a_transaction_that_fails_leaves_nothing(self, ledger: Ledger) -> None:
        def half() -> None:
            with ledger.database.writing() as connection:
                events.append(connection, [event("a")], received_at=NOW)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            half()
        assert ledger.append([event("a")]) == [Fate.ACCEPTED]

    def test_what_a_database_refuses_is_said_without_its_sql(self, ledger: Ledger) -> None:
        with pytest.raises(LedgerBroken) as refused:
            ledger.append([event("a"), Event("b", None, "c1", NOW, "test", "{}")])  # type: ignore[arg-type]
        assert "INSERT" not in str(refused.value)
        assert ledger.append([event("a")]) == [Fate.ACCEPTED]

    # identities

    def test_a_link_merges_and_its_undoing_parts(self, ledger: Ledger) -> None:
        with ledger.database.writing() as connection:
            made = identities.link(connection, "anonymous:d1", "c1", at=NOW, source="event")
            assert made.changed
            assert identities.resolve(connection, "anonymous:d1") == "c1"
            assert identities.ids_of(connection, "c1") == ["c1", "anonymous:d1"]
            assert made.link_id is not None
            assert identities.undo(connection, made.link_id, at=NOW)
            assert not identities.undo(connection, made.link_id, at=NOW)
            assert not identities.undo(connection, 999, at=NOW)
            assert identities.resolve(connection, "anonymous:d1") == "anonymous:d1"
            assert identities.ids_of(connection, "c1") == ["c1"]
            (entry,) = identities.log_of(connection, ["c1"])
            assert (entry.alias, entry.customer_id, entry.undone_at) == ("anonymous:d1", "c1", NOW)

    def test_the_first_link_stands_until_it_is_undone(self, ledger: Ledger) -> None:
        with ledger.database.writing() as connection:
            first = identities.link(connection, "device", "c1", at=NOW, source="event")
            again = identities.link(connection, "device", "c1", at=NOW, source="event")
            other = identities.link(connection, "device", "c2", at=NOW, source="event")
            assert (again.changed, again.reason, again.link_id) == (False, "", first.link_id)
            assert (other.changed, other.link_id) == (False, first.link_id)
            assert "another customer" in other.reason
            assert identities.resolve(connection, "device") == "c1"

    def test_chains_are_followed_and_never_close(self, ledger: Ledger) -> None:
        with ledger.database.writing() as connection:
            identities.link(connection, "card", "old account", at=NOW, source="api")
            identities.link(connection, "old account", "c1", at=NOW, source="api")
            identities.link(connection, "second card", "card", at=NOW, source="api")  # an alias of the customer names the customer
            for ring in (("c1", "card"), ("c1", "c1"), ("c1", "old account")):
                refused = identities.link(connection, *ring, at=NOW, source="api")
                assert (refused.link_id, refused.changed) == (None, False)
                assert "same customer" in refused.reason
            assert {identities.resolve(connection, i) for i in ("card", "second card", "old account", "c1")} == {"c1"}
            assert identities.ids_of(connection, "c1") == ["c1", "card", "old account", "second card"]
            assert identities.standing(connection) == dict.fromkeys(("card", "old account", "second card"), "c1")

    def test_a_row_of_links_has_an_end(self, ledger: Ledger) -> None:
        with ledger.database.writing() as connection:
            made = [identities.link(connection, f"i{n}", f"i{n + 1}", at=NOW, source="api") for n in range(30)]
            longest = sum(link.changed for link in made)
            assert longest < 30
            assert "in a row" in next(link.reason for link in made if not link.changed)
            ends = identities.standing(connection)
            for alias, end in ends.items():
                assert identities.resolve(connection, alias) == end
                assert end not in ends

    def test_a_customer_of_many_devices(self, ledger: Ledger) -> None:
        for start in range(0, 1100, 100):  # a transaction that takes seconds would be taken for a server that hangs
            with ledger.database.writing() as connection:
                for n in range(start, start + 100):
                    identities.link(connection, f"anonymous:{n}", "c1", at=NOW, source="event")
        with ledger.database.reading() as connection:
            ids = identities.ids_of(connection, "c1")
            assert len(ids) == 1101
            assert len(identities.log_of(connection, ids)) == 1100

    # consents

    def test_the_newest_statement_that_covers_the_question_counts(self, ledger: Ledger) -> None:
        def said(purpose: str, channel: str, state: State, day: int) -> Statement:
            return Statement("c1", purpose, channel, state, NOW + timedelta(days=day), "form")

        told = [
            said("marketing", "sms", State.WITHDRAWN, 2),
            said(ANY, ANY, State.GRANTED, 1),  # said earlier, though written later
            said("marketing", "email", State.GRANTED, 3),
        ]
        with ledger.database.writing() as connection:
            assert consents.state(connection, told) == 3
            assert consents.state(connection, []) == 0
            found = consents.history(connection, ["c1"])
        assert [s.stated_at for s in found] == sorted(s.stated_at for s in told)
        assert consents.granted(found, Purpose.MARKETING, "email")
        assert not consents.granted(found, Purpose.MARKETING, "sms")
        assert consents.granted(found, Purpose.MARKETING, "mail")  # by the statement about every channel
        assert consents.granted(found, Purpose.PROFILING)
        assert not consents.granted(found, Purpose.CHILD)  # no statement about "every purpose" covers a child
        assert not consents.granted([], Purpose.PERSONALISATION)

    # catalogue

    def test_documents_are_replaced_whole_and_changes_are_numbered(self, ledger: Ledger) -> None:
        product = catalogue.Kind.PRODUCT
        with ledger.database.writing() as connection:
            catalogue.put_documents(connection, product, {"p1": '{"a":1}', "p2": "{}"}, at=NOW)
            catalogue.put_documents(connection, catalogue.Kind.OFFER, {"p1": '{"offer":1}'}, at=NOW)
            catalogue.put_documents(connection, product, {}, at=NOW)
            assert catalogue.documents(connection, product) == {"p1": '{"a":1}', "p2": "{}"}
            catalogue.put_documents(connection, product, {"p1": '{"b":2}'}, at=NOW)
            assert catalogue.documents(connection, product, after=3) == {"p1": '{"b":2}'}
            assert catalogue.documents(connection, product, after=4) == {}
            assert catalogue.documents(connection, catalogue.Kind.OFFER) == {"p1": '{"offer":1}'}

    def test_stock_is_followed_by_change(self, ledger: Ledger) -> None:
        with ledger.database.writing() as connection:
            catalogue.put_stock(connection, {"p1": 5, "p2": None, "p3": 2**62}, at=NOW)
            catalogue.put_stock(connection, {"p1": 0}, at=NOW)
            assert [(s.product_id, s.quantity) for s in catalogue.stock_levels(connection)] == [("p2", None), ("p3", 2**62), ("p1", 0)]
            assert [s.product_id for s in catalogue.stock_levels(connection, after=3)] == ["p1"]

    # decisions and outcomes

    def test_outcomes_before_their_decision_and_twice(self, ledger: Ledger) -> None:
        def outcome(number: int, value: str | None = None) -> decisions.Outcome:
            return decisions.Outcome(f"o{number}", "d1", "offer", "converted", None if value is None else Decimal(value), NOW)

        with ledger.database.writing() as connection:
            assert decisions.known_decisions(connection, ["d1"]) == set()
            told = [outcome(1, "12.3456"), outcome(1, "99"), outcome(2), outcome(3, "-0.1")]
            assert decisions.record_outcomes(connection, told, received_at=NOW) == [True, False, True, True]
            assert decisions.record_outcomes(connection, [outcome(1)], received_at=NOW) == [False]
            assert decisions.record_outcomes(connection, [], received_at=NOW) == []
            decisions.record_decisions(connection, [decisions.Decided("d1", None, NOW, "{}"), decisions.Decided("d2", "c1", NOW, "{}")])
            decisions.record_decisions(connection, [])
            assert decisions.known_decisions(connection, ["d1", "d2", "d3"]) == {"d1", "d2"}
            values = connection.execute(decisions.OUTCOMES.select().order_by(decisions.OUTCOMES.c.outcome_seq)).all()
            assert [row.value for row in values] == [Decimal("12.3456"), None, Decimal("-0.1")]

    # exposures

    def test_the_first_exposure_stays_and_ids_of_one_person_are_one_customer(self, ledger: Ledger) -> None:
        def met(who: str, arm: str, minutes: int, experiment_id: str = "e1") -> Exposure:
            return Exposure(experiment_id, who, arm, NOW + timedelta(minutes=minutes))

        told = [met("c2", "b", 5), met("card", "b", 1), met("c1", "a", 3), met("c1", "a", 9), met("c1", "x", 2, "e2")]
        with ledger.database.writing() as connection:
            several = [decisions.Decided(f"d{i}", one.recorded_as, NOW, "{}", exposures=(one,)) for i, one in enumerate(told)]
            decisions.record_decisions(connection, several)
            decisions.record_decisions(
                connection, [decisions.Decided("again", "c2", NOW, "{}", exposures=(met("c2", "a", 0),))]
            )  # written later
            assert exposures(connection, "e1") == [met("card", "b", 1), met("c1", "a", 3), met("c2", "b", 5)]
            assert exposed_counts(connection, "e1") == {"a": 1, "b": 2}
            made = identities.link(connection, "card", "c1", at=NOW, source="api")
            assert exposures(connection, "e1") == [met("c1", "b", 1), met("c2", "b", 5)]  # in the arm that came first
            assert exposures(connection, "e1", until=NOW + timedelta(minutes=1)) == [met("c1", "b", 1)]
        export = exporting.note_export(ledger, "card", actor="test")
        assert export.ids == ("c1", "card")
        sections = {name: list(rows) for name, rows in exporting.sections_of(ledger.database, export)}
        assert {(row["experiment_id"], row["arm"]) for row in sections["exposures"]} == {("e1", "a"), ("e1", "b"), ("e2", "x")}
        with ledger.database.writing() as connection:
            identities.undo(connection, made.link_id or 0, at=NOW)
            assert len(exposures(connection, "e1")) == 3
            assert exposures(connection, "unknown") == []
            assert exposed_counts(connection, "unknown") == {}

    # audit

    def test_the_audit_chain_holds_and_shows_every_tampering(self, ledger: Ledger) -> None:
        with ledger.database.writing() as connection:
            assert audit.verify(connection) == audit.Verified(0, None, "0" * 64)
            heads = [audit.record(connection, "link", at=NOW, actor="api", detail={"n": n, "名": "字"}) for n in range(4)]
            assert audit.verify(connection) == audit.Verified(4, None, heads[-1])
        downgrade(ledger.database, "0001")  # as an owner of the database could: without the triggers that refuse every change
        changes = [
            update(audit.AUDIT).where(audit.AUDIT.c.seq == 2).values(detail="{}"),
            update(audit.AUDIT).where(audit.AUDIT.c.seq == 2).values(actor="somebody else"),
            update(audit.AUDIT).where(audit.AUDIT.c.seq == 2).values(at=NOW + timedelta(microseconds=1)),
            update(audit.AUDIT).where(audit.AUDIT.c.seq == 2).values(subject="x"),
            delete(audit.AUDIT).where(audit.AUDIT.c.seq == 2),
        ]
        for change in changes:
            with ledger.database.engine.connect() as connection:
                transaction = connection.begin()
                connection.execute(change)
                broken = audit.verify(connection)
                assert broken.entries == 1
                assert broken.broken_at in {2, 3}
                transaction.rollback()
        with ledger.database.writing() as connection:
            connection.execute(delete(audit.AUDIT).where(audit.AUDIT.c.seq == 4))
            cut = audit.verify(connection)
        # A chain cannot know that its end is gone; the head that was written down elsewhere does.
        assert cut.broken_at is None
        assert cut.head == heads[2] != heads[3]

    def test_writers_take_turns_in_the_audit_log_too(self, ledger: Ledger) -> None:
        def write(actor: int) -> None:
            for _ in range(10):
                with ledger.database.writing() as connection:
                    audit.record(connection, "test", at=NOW, actor=f"a{actor}")

        with ThreadPoolExecutor(4) as pool:
            for job in [pool.submit(write, n) for n in range(4)]:
                job.result()
        with ledger.database.reading() as connection:
            assert audit.verify(connection).entries == 40
            assert audit.verify(connection).broken_at is None

    def test_two_openers_see_one_ledger(self, ledger: Ledger, address: str, tmp_path: Path) -> None:
        other = open_ledger(FeatureSettings(data_dir=tmp_path, ledger_url=address), clock=lambda: NOW)
        ledger.append([event("a")])
        assert other.append([event("a"), event("b")]) == [Fate.DUPLICATE, Fate.ACCEPTED]
        with ledger.database.reading() as connection:
            assert events.newest(connection) == 2
            assert connection.execute(text("SELECT count(*) FROM ledger_keys")).scalar_one() == 1
        other.close()
