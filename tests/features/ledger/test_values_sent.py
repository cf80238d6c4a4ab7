"""What messages of late were believed to bring is read from the decisions that led to them: those that were chosen, and no others."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from features.ledger.contacts import Contact, give_back, record_contacts
from features.ledger.decisions import Decided, record_decisions
from features.ledger.ledger import Ledger
from features.ledger.slates import KeptSlate
from features.ledger.values_sent import values_sent

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def decided(number: int, value: float, *, channel: str = "email", sent: bool = True, **record: object) -> Decided:
    at = NOW + timedelta(minutes=number)
    name = f"d{99 - number}"  # ids need not grow with time
    contact = Contact(name, f"c{number}", channel, "coupon", "coupon:18", name, at) if sent else None
    drawn = {"explored": False, "holdout": None, "slots": [1, 0]} | record
    slate = KeptSlate.of(json.dumps({"offers": {"value": [99.0, value - 0.125], "fatigue": [0.125, 0.125]}}), f"c{number}")
    return Decided(name, f"c{number}", at, "{}", json.dumps(drawn), contact, slate=slate)


def test_the_last_that_were_chosen_are_told_by_channel_the_oldest_first(ledger: Ledger) -> None:
    with ledger.database.writing() as connection:
        record_decisions(connection, [decided(number, number / 4) for number in range(1, 6)])
        record_decisions(connection, [decided(6, 8.0, channel="sms")])
    with ledger.database.reading() as connection:
        assert values_sent(connection, most=300) == {"email": [0.25, 0.5, 0.75, 1.0, 1.25], "sms": [8.0]}
        assert values_sent(connection, most=3) == {"email": [1.0, 1.25], "sms": [8.0]}


def test_chance_silence_and_messages_of_others_say_nothing(ledger: Ledger) -> None:
    with ledger.database.writing() as connection:
        told = [
            decided(1, 1.0, explored=True),
            decided(2, 2.0, holdout="model_control"),
            decided(3, 3.0, sent=False),
            decided(4, 4.0),
            decided(5, 5.0),
            Decided("old", "c9", NOW, "{}", None, Contact("old", "c9", "email", "coupon", "coupon:18", "old", NOW)),
            Decided("bare", "c9", NOW, "{}", "{}", Contact("bare", "c9", "email", "coupon", "coupon:18", "bare", NOW)),
        ]
        record_decisions(connection, told)
        record_contacts(connection, [Contact("m1", "c1", "email", None, None, None, NOW)])  # the shop sent it by itself
        give_back(connection, ["d95"])  # did not go
    with ledger.database.reading() as connection:
        assert values_sent(connection, most=300) == {"email": [5.0]}
