"""Contacts: written with the decision, confirmed by the message, given back when none went; on either database."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert

from features.ledger import contacts, decisions, exporting, identities
from features.ledger.contacts import Contact
from features.ledger.events import Event, Fate
from features.ledger.ledger import Ledger
from features.ledger.tombstones import TOMBSTONES, pseudonym, pseudonym_key
from tests.contracts.ledger_suite import event
from tests.features.ledger.conftest import NOON as NOW


def sent(message_id: str, recorded_as: str = "c1", *, at: datetime = NOW, **properties: str) -> Event:
    return event(message_id, recorded_as, at=at, kind="message_sent", properties=json.dumps(properties))


def decide(ledger: Ledger, *decision_ids: str, also: tuple[tuple[str, str], ...] = ()) -> None:
    """Decisions that lead to a coupon by WeCom."""
    with ledger.database.writing() as connection:
        made = [Contact(one, "c1", "wecom", "coupon", "coupon:18", one, NOW, also=also) for one in decision_ids]
        told = [decisions.Decided(one.contact_id, "c1", NOW, "{}", contact=one) for one in made]
        decisions.record_decisions(connection, told)


def of(ledger: Ledger, *ids: str) -> list[Contact]:
    """Contacts of a person, whenever."""
    with ledger.database.reading() as connection:
        return contacts.read_contacts(connection, ids, since=NOW - timedelta(days=400))


def test_a_decision_and_its_contact_are_written_together(ledger: Ledger) -> None:
    also = (("item", "item:顾"), ("coupon", "coupon:1"))
    made = Contact("d1", "c1", "wecom", "coupon", "coupon:18", "d1", NOW, also=also)
    decided = decisions.Decided("d1", "c1", NOW, "{}", record='{"format":1}', contact=made)
    with ledger.database.writing() as connection:
        decisions.record_decisions(connection, [decided, decisions.Decided("d2", "c1", NOW, "{}")])
        assert contacts.read_contacts(connection, ["c1", "card"], since=NOW) == [made]
        assert contacts.read_contacts(connection, ["c1"], since=NOW + timedelta(microseconds=1)) == []
        assert made.types == {"item", "coupon"}
    export = exporting.note_export(ledger, "c1", actor="test")
    sections = {name: list(rows) for name, rows in exporting.sections_of(ledger.database, export)}
    assert [row["record"] for row in sections["decisions"]] == [{"format": 1}, None]
    assert sections["contacts"][0]["also"] == [list(pair) for pair in also]
    with ledger.database.writing() as connection:  # the decision is here already: nothing of it is written again
        assert decisions.record_decisions(connection, [replace(decided, contact=replace(made, contact_id="d3"))]) == 0
    assert [c.contact_id for c in of(ledger, "c1")] == ["d1"]


def test_a_message_that_did_not_go_counts_no_longer(ledger: Ledger) -> None:
    def told(decision: str, outcome: str) -> None:
        with ledger.database.writing() as connection:
            one = decisions.Outcome(f"{decision}-{outcome}", decision, "coupon:18", outcome, None, NOW)
            decisions.record_outcomes(connection, [one], received_at=NOW)

    decide(ledger, "d1", "d2")
    told("d1", "clicked")
    assert [c.contact_id for c in of(ledger, "c1")] == ["d1", "d2"]
    told("d1", "not_sent")
    told("d3", "not_sent")  # before its decision
    decide(ledger, "d3", "d4")
    assert [c.contact_id for c in of(ledger, "c1")] == ["d2", "d4"]


@pytest.mark.parametrize("first", ["decision", "message"])
def test_a_message_of_a_decision_counts_once(ledger: Ledger, first: str) -> None:
    later = NOW + timedelta(hours=3)
    messages = [sent(f"m{n}", at=later, decision_id="d1", channel="wecom") for n in range(2)]
    if first == "decision":
        decide(ledger, "d1")
    ledger.append(messages[:1])
    ledger.append(messages)  # one repeated, one that says that the same was delivered
    if first == "message":
        decide(ledger, "d1")
    (found,) = of(ledger, "c1")
    assert (found.contact_id, found.offer_type, found.offer_id, found.message_id) == ("d1", "coupon", "coupon:18", "m0")
    assert found.at == later  # when it went, not when it was decided on


def test_a_message_of_an_offer_is_the_one_decided_on_and_the_next_is_another(ledger: Ledger) -> None:
    with ledger.database.writing() as connection:
        identities.link(connection, "wx-1", "c1", at=NOW, source="test")
        identities.link(connection, "device", "wx-1", at=NOW, source="test")
    decide(ledger, "d1", also=(("item", "item:7"),))

    def tell(number: int, who: str, *, hours: float, **properties: str) -> list[str]:
        told = {"offer_id": "item:7", "channel": "wecom", **properties}
        ledger.append([sent(f"m{number}", who, at=NOW + timedelta(hours=hours), **told)])
        return [c.contact_id for c in of(ledger, "c1", "wx-1", "device")]

    assert tell(1, "wx-1", hours=1, channel="sms") == ["d1", "m1"]  # on another channel
    assert tell(2, "wx-1", hours=2, offer_id="item:8") == ["d1", "m1", "m2"]
    assert tell(3, "device", hours=-2) == ["m3", "d1", "m1", "m2"]  # before it was decided on
    assert tell(4, "device", hours=3) == ["m3", "m1", "m2", "d1"]
    (confirmed,) = [c for c in of(ledger, "c1") if c.contact_id == "d1"]
    assert (confirmed.offer_type, confirmed.offer_id, confirmed.also) == ("item", "item:7", ())  # what was sent of what was offered
    assert tell(5, "c1", hours=4) == ["m3", "m1", "m2", "d1", "m5"]


def test_a_message_that_is_told_of_twice_is_one(ledger: Ledger) -> None:
    day = timedelta(days=1)
    named = {"email_id": "e1", "channel": "email"}
    ledger.append([sent("m1", **named), sent("m2", at=NOW + day, **named), sent("m3", at=NOW + 9 * day, **named)])
    ledger.append([sent("m4", at=NOW + day, **named), sent("m5", "c2", **named), sent("m6"), event("m7", kind="message_opened")])
    assert [c.contact_id for c in of(ledger, "c1")] == ["m6", "m1", "m3"]
    assert [c.contact_id for c in of(ledger, "c2")] == ["m5"]


def test_a_message_to_somebody_erased_is_no_contact(ledger: Ledger) -> None:
    with ledger.database.writing() as connection:
        key = pseudonym_key(connection)
        connection.execute(insert(TOMBSTONES).values(subject_hash=pseudonym(key, "c1"), erased_at=NOW))
    assert ledger.append([sent("m1"), sent("m2", at=NOW + timedelta(seconds=1))]) == [Fate.ERASED, Fate.ACCEPTED]
    assert [c.contact_id for c in of(ledger, "c1")] == ["m2"]


def test_many_messages_at_once(ledger: Ledger) -> None:
    with ledger.database.writing() as connection:
        for n in range(3):
            identities.link(connection, f"alias{n}", f"c{n}", at=NOW, source="test")
    told = [sent(f"m{n}", f"c{n % 700}", offer_id="item:7", channel="sms", decision_id=f"d{n % 600}") for n in range(1200)]
    assert set(ledger.append(told)) == {Fate.ACCEPTED}
    assert set(ledger.append([sent(f"x{n}", f"c{n % 700}") for n in range(1200)])) == {Fate.ACCEPTED}
    assert len(of(ledger, *(f"c{n}" for n in range(700)))) == 600 + 1200


def test_a_person_s_ids_many_at_once(ledger: Ledger) -> None:
    with ledger.database.writing() as connection:
        for alias, customer in (("card", "old"), ("old", "c1"), ("wx", "c1"), ("device", "c2")):
            identities.link(connection, alias, customer, at=NOW, source="api")
        asked = {"card", "wx", "c1", "device", "nobody"}
        found = identities.resolve_all(connection, asked)
        assert found == {one: identities.resolve(connection, one) for one in asked}
        families = identities.families(connection, set(found.values()))
        assert families == {one: end for end in set(found.values()) for one in identities.ids_of(connection, end)}
