"""One customer with very many events, and a clock that jumps: writing stays as fast, nothing is lost, order is by number."""

from __future__ import annotations

import time
from datetime import timedelta

from sqlalchemy import select, text

from features.ledger import events as ledger_events
from features.ledger.events import EVENTS, Event, Fate
from features.ledger.ledger import Ledger
from tests.features.ledger.conftest import NOON, Clock

GROUP = 1000
FEW = 50  # of so few each is looked up by itself; for hundreds a small table is rightly read as a whole


def views(start: int, number: int) -> list[Event]:
    return [Event(f"m{n}", "product_viewed", "c1", NOON, "segment", '{"product_id":"1"}') for n in range(start, start + number)]


def seconds(ledger: Ledger, start: int, groups: int) -> float:
    """Fastest group of so many: what else the machine does meanwhile slows down single ones."""
    found = []
    for group in range(groups):
        batch = views(start + group * GROUP, GROUP)
        began = time.perf_counter()
        assert set(ledger.append(batch)) == {Fate.ACCEPTED}
        found.append(time.perf_counter() - began)
    return min(found)


def test_the_last_events_of_a_customer_are_kept_as_fast_as_the_first(ledger: Ledger) -> None:
    first = seconds(ledger, 0, 10)
    seconds(ledger, 10_000, 10)
    last = seconds(ledger, 20_000, 10)
    assert last < 2 * first
    with ledger.database.reading() as connection:
        assert sum(1 for _ in ledger_events.read_of(connection, ["c1"])) == 30_000


def test_a_clock_that_jumps_loses_nothing_and_keeps_the_order(ledger: Ledger, clock: Clock) -> None:
    stamped = []
    for number, hours in enumerate((0, 5, -48, 0, 24 * 365, -1)):
        clock.now = NOON + timedelta(hours=hours)
        assert ledger.append([*views(number, 1), *views(0, number)]) == [Fate.ACCEPTED] + [Fate.DUPLICATE] * number
        stamped.append(clock.now)
    with ledger.database.reading() as connection:
        found = connection.execute(select(EVENTS.c.message_id, EVENTS.c.received_at).order_by(EVENTS.c.seq)).all()
    assert [row.message_id for row in found] == [f"m{n}" for n in range(6)]
    assert [row.received_at for row in found] == stamped


def test_looking_for_repeats_never_reads_the_whole_table(ledger: Ledger) -> None:
    for group in range(20):  # more than the driver and PostgreSQL take to settle on a plan, while the table is small
        ledger.append(views(group * FEW, FEW))
    for group in range(1, 21):
        ledger.append(views(group * GROUP, GROUP))
    with ledger.database.writing() as connection:
        if ledger.database.is_sqlite:
            plan = connection.exec_driver_sql("EXPLAIN QUERY PLAN SELECT message_id FROM events WHERE message_id IN ('a', 'b')").all()
            assert "USING COVERING INDEX" in str(plan)
            return
        read = text("SELECT coalesce(max(seq_tup_read), 0) FROM pg_stat_xact_user_tables WHERE relname = 'events'")
        before = connection.execute(read).scalar_one()
        ledger_events.append(connection, views(0, FEW), received_at=NOON)
        assert connection.execute(read).scalar_one() == before
