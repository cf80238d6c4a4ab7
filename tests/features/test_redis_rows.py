"""Rows in a real Redis: Feast's own layout, read as Feast reads it, and never mistaken when they are gone."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis

from features.build import build_features
from features.errors import HuitouError, StateBroken, StoreAway
from features.feast_bytes import entity_key
from features.feast_repo.repo import open_store, registered_objects
from features.freshness import Followed, begin_following, read_followed
from features.ledger.marks import Marks
from features.online import materialize
from features.online_place import PLACE_FILE, place_new, place_of, projects_of, shop_of
from features.online_removal import remove_online
from features.redis_line import RedisLine
from features.redis_rows import FEATURES, RedisRows, sweep
from features.redis_server import RedisServer, demand_address
from features.store import RedisCustomerReader, open_reader
from tests.conftest import SampleBuild, WriteShop
from tests.contracts.reader_suite import CustomerReaderSuite
from tests.shop import EDGE, IDLE

NOW = datetime(2026, 3, 1, 12, 30, 5, 250, tzinfo=UTC)


@pytest.fixture(scope="module")
def server(redis_url: str) -> RedisServer:
    return RedisServer(redis_url, patience=5.0)


@pytest.fixture(scope="module")
def built(sample_build: SampleBuild, server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The sample shop's online state with its rows in the Redis."""
    folder = tmp_path_factory.mktemp("online") / "v-1"
    folder.mkdir()
    materialize(folder, sample_build.built.offline, server)
    yield folder
    sweep(server, projects_of(folder.parent)[0], ())


@pytest.fixture
def own(server: RedisServer, tmp_path: Path) -> Iterator[RedisRows]:
    """Rows of three customers, of the test's own."""
    folder = tmp_path / "online" / "v-own"
    folder.mkdir(parents=True)
    rows = RedisRows(server, place_new(folder))
    rows.load([packed("a", "b"), packed("c")])
    yield rows
    rows.close()
    sweep(server, projects_of(folder.parent)[0], ())


def packed(*customers: str, value: bytes = b"x") -> dict[str, list[Any]]:
    return {"customer_id": list(customers), "event_timestamp": [NOW] * len(customers), **{f: [value] * len(customers) for f in FEATURES}}


def keys_of(server: RedisServer, folder: Path) -> dict[bytes, dict[bytes, bytes]]:
    project = (place_of(folder) or "").encode()
    with contextlib.closing(redis.Redis.from_url(server.url, protocol=2)) as client:
        return {key.removesuffix(project): client.hgetall(key) for key in client.scan_iter(match=b"*" + project, count=1000)}


class TestRedis(CustomerReaderSuite):
    adapter = RedisCustomerReader

    @pytest.fixture(scope="class")
    @classmethod
    def place(cls, server: RedisServer) -> RedisServer:
        return server

    @pytest.fixture(scope="class")
    @classmethod
    def feasts(cls, built: Path) -> Path:
        return built

    @pytest.fixture
    def folder(self, sample_build: SampleBuild, server: RedisServer, tmp_path: Path) -> Iterator[Path]:
        folder = tmp_path / "v-1"
        folder.mkdir()
        materialize(folder, sample_build.built.offline, server)
        yield folder
        sweep(server, projects_of(tmp_path)[0], ())

    def damage(self, folder: Path) -> None:
        (folder / PLACE_FILE).write_bytes(b"\xff" * 40)


def test_the_rows_are_feasts_own_field_for_field(sample_build: SampleBuild, built: Path, server: RedisServer, tmp_path: Path) -> None:
    theirs = tmp_path / "v-feast"
    theirs.mkdir()
    place_new(theirs)
    now = sample_build.warehouse.last_event
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        store = open_store(theirs, server)
        store.apply(registered_objects(sample_build.built.offline))
        store.materialize(start_date=now - timedelta(days=1), end_date=now + timedelta(seconds=1))
    try:
        expected = keys_of(server, theirs)
        assert len(expected) == sample_build.built.customers
        assert keys_of(server, built) == expected
    finally:
        sweep(server, projects_of(tmp_path)[0], ())


def test_a_row_written_again_is_the_newer_one_also_at_the_same_moment(own: RedisRows) -> None:
    own.change(packed("a", "d", value=b"newer"), gone={"b"}, note={"seq": 7})
    assert own.read("a")["vector"] == b"newer"
    assert (own.read("b"), own.customer_ids()) == ({}, ["a", "c", "d"])
    assert own.note()["seq"] == "7"


def test_rows_that_are_lost_are_told_and_nobody_is_taken_for_unknown(own: RedisRows, server: RedisServer, tmp_path: Path) -> None:
    assert own.read("nobody") == {}
    sweep(server, projects_of(tmp_path / "online")[0], ())  # as a server that starts without its files
    for ask in (lambda: own.read("a"), own.customer_ids, own.note, lambda: own.tell({"seq": 1})):
        with pytest.raises(StateBroken, match="lost the online rows; run `huitou build --force`"):
            ask()
    with pytest.raises(StateBroken, match="lost"):
        own.change(packed("a"), gone=(), note={"seq": 1})
    with pytest.raises(StateBroken, match="lost"):
        own.read("a")


def test_removed_values_are_counted_and_gone_from_every_build(own: RedisRows, server: RedisServer, tmp_path: Path) -> None:
    second = tmp_path / "online" / "v-second"
    second.mkdir()
    other = RedisRows(server, place_new(second))
    other.load([packed("a", "z")])
    assert remove_online(tmp_path / "online", ["a", "nobody"], server) == 10
    assert remove_online(tmp_path / "online", ["a", "nobody"], server) == 0
    assert (own.customer_ids(), other.customer_ids()) == (["b", "c"], ["z"])
    with pytest.raises(StateBroken, match="set HUITOU_ONLINE_URL"):
        remove_online(tmp_path / "online", ["b"])
    other.close()


def test_rows_of_builds_that_are_no_more_go_and_no_others(own: RedisRows, server: RedisServer, tmp_path: Path) -> None:
    gone, stranger = tmp_path / "online" / "v-gone", tmp_path / "other shop" / "v-1"
    for folder in (gone, stranger):
        folder.mkdir(parents=True)
    old, others = RedisRows(server, place_new(gone)), RedisRows(server, place_new(stranger))
    old.load([packed("a", "b")])
    others.load([packed("a")])
    (gone / PLACE_FILE).unlink()
    assert sweep(server, *projects_of(tmp_path / "online")) == 3  # two customers and the note
    assert (own.customer_ids(), others.customer_ids()) == (["a", "b", "c"], ["a"])
    assert sweep(server, *projects_of(stranger.parent)) == 0
    sweep(server, projects_of(stranger.parent)[0], ())
    old.close()
    others.close()


def test_what_a_build_knows_stands_beside_its_rows(own: RedisRows, server: RedisServer, tmp_path: Path) -> None:
    folder = tmp_path / "online" / "v-own"
    assert read_followed(folder, server) is None
    followed = Followed(12, Marks(1, 2, 3), NOW)
    begin_following(folder, followed, server)
    assert read_followed(folder, server) == followed


def test_a_redis_that_would_throw_rows_away_is_refused(own: RedisRows, server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis.Redis, "info", lambda *_: {"maxmemory_policy": "allkeys-lru"})
    with pytest.raises(HuitouError, match="noeviction"):
        own.load([packed("d")])
    assert own.read("d") == {}


def test_a_load_that_breaks_off_leaves_a_line_that_answers_rightly(own: RedisRows) -> None:
    def breaks() -> Iterator[dict[str, list[Any]]]:
        yield packed("d")
        raise OSError("the file went away")

    with pytest.raises(OSError, match="went away"):
        own.load(breaks())
    assert own.customer_ids() == ["a", "b", "c", "d"]


def test_a_build_puts_its_rows_there_and_sweeps_behind_itself(write_shop: WriteShop, shop_tables: Any, server: RedisServer) -> None:
    settings = write_shop(shop_tables).model_copy(update={"online_url": server.url})
    seen = []
    for _ in range(3):
        built = build_features(settings, force=True)
        seen.append(place_of(built.online))
        reader = open_reader(built.online, settings.online_server)
        assert len(reader.customer_ids()) == built.customers
        assert reader.read(EDGE) is not None
        assert reader.read(IDLE) is None
        reader.close()
    assert not build_features(settings).changed
    beginning, kept = projects_of(settings.online_dir)
    assert kept == set(seen[1:]), "the build before stays: a service may still read it"
    assert sweep(server, beginning, kept) == 0
    again = build_features(settings.model_copy(update={"online_url": None}))
    assert again.changed
    assert place_of(again.online) is None
    sweep(server, beginning, ())


def test_a_thread_keeps_its_line_and_gets_a_new_one_where_the_server_hung_up(server: RedisServer) -> None:
    line = RedisLine(server)

    def which() -> int:
        first, second = (int(line.told("CLIENT", "ID")) for _ in range(2))
        assert first == second
        return first

    with ThreadPoolExecutor(3) as pool:
        mine, others = which(), set(pool.map(lambda _: which(), range(9)))
    assert mine not in others
    with ThreadPoolExecutor(1) as pool:
        (another,) = pool.map(lambda _: which(), range(1))
    assert another in others, "what threads that ended kept is used again"
    with contextlib.closing(redis.Redis.from_url(server.url)) as client:
        assert client.client_kill_filter(_id=str(mine)) == 1
    assert which() != mine
    with pytest.raises(StateBroken, match="refused"):
        line.told("HMGET")
    assert which() != mine, "a refusal leaves a line that answers rightly"
    line.close()


def test_nobody_there_is_told_at_once_after_the_first(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes a call and says nothing
        rows = RedisRows(RedisServer(f"redis://127.0.0.1:{silent.getsockname()[1]}/0"), "huitou_a_b", in_requests=True)
        with pytest.raises(StoreAway, match="does not answer"):
            rows.read("a")
        told = []

        def ask() -> None:
            with pytest.raises(StoreAway) as caught:
                rows.read("a")
            told.append(caught.value)

        asking = [threading.Thread(target=ask) for _ in range(8)]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        assert len(told) == 8
        assert all(error.__cause__ is None for error in told), "nobody else waited for the line"
        rows.close()


def test_the_address_is_checked_and_never_shown() -> None:
    with pytest.raises(ValueError, match="redis://host"):
        demand_address("http://user:secret@host")
    server = RedisServer("rediss://user:s%2Ccret@cache:6380/3")
    assert "cret" not in repr(server)
    assert server.shown == "cache:6380/3"
    assert server.feasts == "cache:6380,db=3,username=user,password=s,cret,ssl=true"


def test_a_data_folder_keeps_its_name(tmp_path: Path) -> None:
    assert shop_of(tmp_path) == shop_of(tmp_path)
    assert entity_key("").endswith(b"\0\0\0\0")
