"""What is read of one person: under every id, messages and negatives, and by the index."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import text

from features.ledger.contact_history import NO_HISTORY, ContactHistory, read_history
from features.ledger.contacts import Contact, record_contacts
from features.ledger.events import NEGATIVE_KINDS, Event
from features.ledger.ledger import Ledger
from tests.features.ledger.conftest import NOON

DAY = timedelta(days=1)


def told(number: int, kind: str, who: str = "c1", *, days: float = 0, **properties: object) -> Event:
    return Event(f"m{number}", kind, who, NOON - days * DAY, "test", json.dumps(properties))


def history(ledger: Ledger, *ids: str, days: float = 30) -> ContactHistory:
    with ledger.database.reading() as connection:
        return read_history(connection, ids, since=NOON - days * DAY)


def contact(number: int, who: str = "c1", *, days: float = 0) -> Contact:
    return Contact(f"d{number}", who, "email", "item", "item:1", f"d{number}", NOON - days * DAY, also=(("coupon", "coupon:1"),))


def test_messages_and_negatives_under_every_id_since_then(ledger: Ledger) -> None:
    ledger.append(
        [
            told(1, "complaint_opened", "card", days=3, complaint_id="x"),
            told(2, "complaint_closed", days=2, complaint_id="x"),
            told(3, "unsubscribed", days=4, channel="sms"),
            told(4, "order_refunded", days=31, order_id="o"),
            told(5, "order_refunded", "somebody else", order_id="o"),
            told(6, "group_left", days=1),
        ]
    )
    made = [contact(1, "card", days=2), contact(2, days=5), contact(3, days=31), contact(4, "somebody else")]
    with ledger.database.writing() as connection:
        record_contacts(connection, made)
    found = history(ledger, "c1", "card")
    assert found.ids == {"c1", "card"}
    assert found.contacts == (made[1], made[0])
    assert [(n.kind, n.channel) for n in found.negatives] == [("unsubscribed", "sms"), ("complaint_opened", None), ("group_left", None)]
    assert history(ledger, "nobody") == ContactHistory(frozenset({"nobody"}))
    assert history(ledger) == NO_HISTORY
    assert len(history(ledger, "c1", "card", *(f"alias{n}" for n in range(700))).negatives) == 3  # more ids than fit into one query


@pytest.mark.parametrize(("rating", "bad"), [(1, True), (2, True), (2.5, False), (5, False), (None, False), (True, False), ("1", False)])
def test_a_review_of_two_stars_is_a_bad_one(ledger: Ledger, rating: object, bad: bool) -> None:
    ledger.append([told(1, "product_reviewed", rating=rating)])
    assert bool(history(ledger, "c1").negatives) is bad


def test_what_is_on_its_way_is_joined_and_the_ledger_counts() -> None:
    known, moved = contact(1), contact(1, days=-1)
    joined = ContactHistory(frozenset({"c1"}), (moved,)).joined([known, contact(2, days=2)])
    assert joined.contacts == (contact(2, days=2), moved)
    assert joined.joined([known]) is joined


def test_the_query_reads_the_indexes(ledger: Ledger) -> None:
    """However many events a person has, only the negatives among them are looked at."""
    if not ledger.database.is_sqlite:
        pytest.skip("PostgreSQL reads a table as small as a test's as a whole, whatever indexes there are")
    kinds = ", ".join(f"'{kind}'" for kind in NEGATIVE_KINDS)
    query = f"SELECT kind FROM events WHERE recorded_as IN ('a', 'b') AND occurred_at >= 5 AND kind IN ({kinds})"  # noqa: S608 - ours
    with ledger.database.reading() as connection:
        assert "ix_events_negative" in str(connection.execute(text(f"EXPLAIN QUERY PLAN {query}")).all())
