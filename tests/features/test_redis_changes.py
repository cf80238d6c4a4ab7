"""What a real Redis tells of rows that change; and that nothing is taken for unchanged when it does not tell."""

from __future__ import annotations

import contextlib
import gc
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis

from features.online_place import place_new, projects_of
from features.redis_changes import _TRUST, RedisChanges
from features.redis_rows import FEATURES, RedisRows, sweep
from features.redis_server import RedisServer
from tests.e2e.own_redis import PROGRAM, OwnRedis, own_redis
from tests.e2e.server_process import wait_until

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def packed(*customers: str, value: bytes = b"x") -> dict[str, list[Any]]:
    return {"customer_id": list(customers), "event_timestamp": [NOW] * len(customers), **{f: [value] * len(customers) for f in FEATURES}}


@pytest.fixture(scope="module")
def server() -> Iterator[OwnRedis]:
    if PROGRAM is None:
        pytest.skip("redis-server is not on this machine")
    with own_redis(PROGRAM) as running:
        yield running


@pytest.fixture
def rows(server: OwnRedis, tmp_path: Path) -> Iterator[RedisRows]:
    """Rows of one build, as requests read them."""
    folder = tmp_path / "online" / "v-own"
    folder.mkdir(parents=True)
    made = RedisRows(RedisServer(server.url), place_new(folder), in_requests=True)
    made.load([packed(*(f"c{number}" for number in range(40)))])
    yield made
    made.close()
    sweep(RedisServer(server.url), projects_of(folder.parent)[0], ())


def heard(rows: RedisRows, customer: str = "c1") -> int:
    """A version, when there is one."""
    wait_until(lambda: rows.version(customer) is not None, 10, "the line to be heard")
    found = rows.version(customer)
    assert found is not None
    return found


def is_new(rows: RedisRows, before: int) -> None:
    """Wait until the version is another."""
    wait_until(lambda: rows.version("c1") not in {before, None}, 5, "the change to be heard")


def test_a_row_that_changes_has_another_version_and_most_others_keep_theirs(rows: RedisRows) -> None:
    before = heard(rows)
    others = {f"c{number}": rows.version(f"c{number}") for number in range(2, 40)}
    for change in (
        lambda: rows.change(packed("c1", value=b"y"), gone=(), note={"seq": 1}),
        lambda: rows.change(packed(), gone=["c1"], note={"seq": 2}),
        lambda: rows.change(packed("c1"), gone=(), note={"seq": 3}),
        lambda: rows.remove(["c1"]),
    ):
        change()
        is_new(rows, before)
        before = heard(rows)
    kept = sum(rows.version(one) == version for one, version in others.items())
    assert kept >= len(others) - 2, "whoever shares the place is read once more"


def test_it_is_heard_within_milliseconds(rows: RedisRows) -> None:
    took = []
    for number in range(20):
        before = heard(rows)
        rows.change(packed("c1"), gone=(), note={"seq": number})
        began = time.perf_counter()
        while rows.version("c1") == before:
            time.sleep(0.0002)
        took.append(time.perf_counter() - began)
    assert sorted(took)[10] < 0.05


def test_rows_of_another_build_are_another_matter(rows: RedisRows, server: OwnRedis, tmp_path: Path) -> None:
    before = heard(rows)
    folder = tmp_path / "elsewhere" / "v-other"
    folder.mkdir(parents=True)
    other = RedisRows(RedisServer(server.url), place_new(folder))
    other.load([packed("c1")])
    time.sleep(0.3)
    assert rows.version("c1") == before
    other.close()


def test_an_emptied_server_makes_everything_new(rows: RedisRows, server: OwnRedis) -> None:
    before = heard(rows), heard(rows, "c2")
    with contextlib.closing(redis.Redis.from_url(server.url)) as client:
        client.flushdb()
    wait_until(lambda: rows.version("c1") not in {before[0], None} and rows.version("c2") not in {before[1], None}, 2, "it to be heard")


def test_a_server_that_hangs_or_is_gone_tells_nothing_and_all_is_new_afterwards(rows: RedisRows, server: OwnRedis) -> None:
    before = heard(rows)
    server.signal(signal.SIGSTOP)
    time.sleep(_TRUST + 0.05)
    try:
        assert rows.version("c1") is None
    finally:
        server.signal(signal.SIGCONT)
    after = heard(rows)
    server.kill()
    wait_until(lambda: rows.version("c1") is None, 2, "nothing to be told")
    server.start()
    again = heard(rows)
    assert len({before, after, again}) >= 2
    assert again not in {before, after}


def test_a_line_that_is_cut_alone_is_noticed(rows: RedisRows, server: OwnRedis) -> None:
    before = heard(rows)
    with contextlib.closing(redis.Redis.from_url(server.url, decode_responses=True)) as client:

        def lines() -> list[str]:
            return [one["id"] for one in client.client_list() if one["name"] == "huitou-changes"]

        for which in range(2):
            wait_until(lambda: len(lines()) == 2, 5, "the two lines, and no others, to be there")
            client.client_kill_filter(_id=sorted(lines(), key=int)[which])
            is_new(rows, before)
            before = heard(rows)


def test_a_server_that_may_not_tell_is_read_every_time(rows: RedisRows, server: OwnRedis) -> None:
    with contextlib.closing(redis.Redis.from_url(server.url)) as client:
        client.execute_command("ACL", "SETUSER", "reader", "on", ">secret", "~*", "+@read", "+ping", "+client|id", "-client|tracking")
        told = RedisChanges(RedisServer(server.url.replace("://", "://reader:secret@")), b"x")
        for _ in range(3):
            assert told.of("c1") is None
            time.sleep(0.2)
        client.execute_command("ACL", "DELUSER", "reader")
    wait_until(lambda: told.of("c1") is None, 1, "nothing to be told")
    told.close()


def test_whoever_is_let_go_stops_hearing(server: OwnRedis) -> None:
    before = set(threading.enumerate())
    held = [RedisChanges(RedisServer(server.url), b"x")]
    wait_until(lambda: held[0].of("c1") is not None, 10, "the line to be heard")
    (thread,) = (one for one in set(threading.enumerate()) - before if one.name == "redis-changes")
    held.clear()
    gc.collect()
    wait_until(lambda: not thread.is_alive(), 5, "the thread to end")
