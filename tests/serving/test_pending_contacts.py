from __future__ import annotations

from datetime import UTC, datetime

from features.ledger.contact_history import ContactHistory
from features.ledger.contacts import Contact
from serving.pending_contacts import PendingContacts

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PERSON = ContactHistory(frozenset({"c1", "card"}))


def contact(number: int, who: str = "c1") -> Contact:
    return Contact(f"d{number}", who, "sms", "item", "item:1", f"d{number}", NOW)


def counted(pending: PendingContacts, history: ContactHistory = PERSON) -> list[str]:
    return [one.contact_id for one in pending.joined(history).contacts]


def test_a_contact_counts_at_once_under_every_id_of_the_person() -> None:
    pending = PendingContacts()
    pending.add(contact(1, "card"))
    pending.add(contact(2, "somebody else"))
    assert counted(pending) == ["d1"]
    pending.add(contact(3))
    assert sorted(counted(pending)) == ["d1", "d3"]


def test_it_is_kept_for_a_while_after_its_commit_and_never_counted_twice() -> None:
    passed = [0.0]
    pending = PendingContacts(clock=lambda: passed[0], grace=60)
    pending.add(contact(1))
    pending.settle(["d1"])
    passed[0] = 59.0
    assert counted(pending) == ["d1"]  # whoever looked into the ledger before the commit
    assert counted(pending, ContactHistory(PERSON.ids, (contact(1),))) == ["d1"]
    passed[0] = 60.0
    assert counted(pending) == []
    pending.add(contact(2))  # never committed
    passed[0] = 1e6
    assert counted(pending) == ["d2"]


def test_what_did_not_go_counts_no_longer_and_unknown_ids_do_no_harm() -> None:
    pending = PendingContacts()
    pending.add(contact(1))
    pending.add(contact(2))
    pending.give_back(["d1", "d9"])
    pending.settle(["d1", "d9"])
    assert counted(pending) == ["d2"]


def test_room_is_bounded_and_the_oldest_go() -> None:
    pending = PendingContacts(room=3)
    for number in range(10):
        pending.add(contact(number))
    assert counted(pending) == ["d7", "d8", "d9"]
