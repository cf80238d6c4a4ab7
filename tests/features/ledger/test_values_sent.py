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
POLICY = {"name": "ours"}


def decided(
    number: int, value: float | None, *, channel: str = "email", sent: bool = True, policy: object = POLICY, **record: object
) -> Decided:
    at = NOW + timedelta(minutes=number)
    name = f"d{9999 - number}"  # ids need not grow with time
    contact = Contact(name, f"c{number}", channel, "coupon", "coupon:18", name, at) if sent else None
    drawn = {"explored": False, "holdout": None, "slots": [1, 0]} | record
    offers = {"value": [99.0, None if value is None else value - 0.125], "fatigue": [0.125, 0.125]}
    laid_out = {"offers": offers, "policy": policy, "customer_id": f"c{number}"}
    return Decided(name, f"c{number}", at, "{}", json.dumps(drawn), contact, slate=KeptSlate.of(json.dumps(laid_out), f"c{number}"))


def told(ledger: Ledger, *channels: str, since: datetime = NOW, most: int = 300) -> dict[str, list[float]]:
    with ledger.database.reading() as connection:
        found = values_sent(connection, channels, policy=POLICY, since=since, most=most)
    return {channel: [value for _, value in values] for channel, values in found.items()}


def test_the_last_that_were_chosen_are_told_by_channel_the_oldest_first(ledger: Ledger) -> None:
    with ledger.database.writing() as connection:
        record_decisions(connection, [decided(number, number / 4) for number in range(1, 6)])
        record_decisions(connection, [decided(6, 8.0, channel="sms")])
    assert told(ledger, "email", "sms", "mail") == {"email": [0.25, 0.5, 0.75, 1.0, 1.25], "sms": [8.0]}
    assert told(ledger, "email", "sms", most=3) == {"email": [0.75, 1.0, 1.25], "sms": [8.0]}
    assert told(ledger, "email", since=NOW + timedelta(minutes=4)) == {"email": [1.0, 1.25]}
    with ledger.database.reading() as connection:
        assert values_sent(connection, ["email"], policy=POLICY, since=NOW, most=1) == {"email": [(NOW + timedelta(minutes=5), 1.25)]}


def test_a_channel_that_is_seldom_used_is_told_beside_another_with_many_messages_and_much_chance(ledger: Ledger) -> None:
    group = [decided(number, 1.0, channel="email" if number % 12 == 0 else "sms", explored=number % 2 == 1) for number in range(1, 961)]
    with ledger.database.writing() as connection:
        record_decisions(connection, group)
    found = told(ledger, "email", "sms", most=60)
    assert {channel: len(values) for channel, values in found.items()} == {"email": 60, "sms": 60}


def test_chance_silence_arms_and_messages_of_others_say_nothing(ledger: Ledger) -> None:
    with ledger.database.writing() as connection:
        group = [
            decided(1, 1.0, explored=True),
            decided(2, 2.0, holdout="model_control"),
            decided(3, 3.0, sent=False),
            decided(4, 4.0),
            decided(5, 5.0),
            decided(6, 6.0, policy={"value": {"uplift": False}}),
            decided(7, None),
            Decided("old", "c9", NOW, "{}", None, Contact("old", "c9", "email", "coupon", "coupon:18", "old", NOW)),
            Decided("bare", "c9", NOW, "{}", "{}", Contact("bare", "c9", "email", "coupon", "coupon:18", "bare", NOW)),
        ]
        record_decisions(connection, group)
        record_contacts(connection, [Contact("m1", "c1", "email", None, None, None, NOW)])  # the shop sent it by itself
        give_back(connection, ["d9995"])  # did not go
    assert told(ledger, "email") == {"email": [5.0]}
