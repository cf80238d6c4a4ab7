"""What the worker does when things change under it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from features.errors import HuitouError, StateMissing
from features.freshness import begin_following, read_followed
from features.ledger import consents, identities
from features.ledger.consents import ANY, Purpose, State, Statement
from features.online_place import projects_of
from features.redis_rows import sweep
from features.redis_server import RedisServer
from features.refreshing.following import Following, Step
from features.settings import FeatureSettings
from features.store import DATABASE, open_reader
from features.versions import current_folder
from tests.features.refreshing.replay import Replay, assert_same, event


@pytest.fixture
def file_replay(tmp_path: Path) -> Replay:
    return Replay.of_sample(tmp_path / "data", days=3)


@pytest.fixture(params=["sqlite", "redis"])
def replay(request: pytest.FixtureRequest, file_replay: Replay) -> Iterator[Replay]:
    """Rows in a file, and in a Redis."""
    if request.param == "sqlite":
        yield file_replay
        return
    url = request.getfixturevalue("redis_url")
    file_replay.settings = file_replay.settings.model_copy(update={"online_url": url})
    file_replay.night(file_replay.midnight - timedelta(microseconds=1))
    yield file_replay
    sweep(RedisServer(url), projects_of(file_replay.settings.online_dir)[0], ())


def online(replay: Replay) -> Path:
    return current_folder(replay.settings.online_dir, remedy="build")


def test_a_batch_that_is_repeated_after_a_crash_changes_nothing(replay: Replay) -> None:
    before = read_followed(online(replay), replay.settings.online_server)
    assert before is not None
    replay.post(list(replay.orders()))
    replay.follow()
    found, after = replay.online(), read_followed(online(replay), replay.settings.online_server)
    assert after is not None
    assert after.seq > before.seq
    # As a crash between the rows and the note of them leaves it, or a server that starts with what it had kept.
    begin_following(online(replay), before, replay.settings.online_server)
    steps = replay.follow()
    assert sum(step.events for step in steps) == after.seq - before.seq
    repeated = replay.online()
    assert set(repeated) == set(found)
    for customer, row in found.items():
        assert_same(repeated[customer], row)
    assert read_followed(online(replay), replay.settings.online_server) == after


def test_a_new_build_is_taken_up_with_what_came_after_it(replay: Replay) -> None:
    orders = list(replay.orders())
    ledger = replay.ledger()
    following = Following(replay.settings, ledger)
    try:
        replay.post(orders[:5])
        until_idle(following)
        old = online(replay)
        replay.post(orders[5:6])
        replay.night(replay.midnight + timedelta(days=1))
        replay.post(orders[6:])
        steps = until_idle(following)
        assert online(replay) != old
        assert sum(step.events for step in steps) == len(orders) - 6, "what the build knows is not looked at again"
        found, followed = replay.online(), read_followed(online(replay), replay.settings.online_server)
        assert followed is not None
        replay.night(followed.as_of)
        expected = replay.online()
    finally:
        following.close()
        ledger.close()
    for customer in {order["userId"] for order in orders[6:]}:
        assert_same(found[customer], expected[customer])


def test_a_link_merges_two_customers_and_undoing_it_parts_them(replay: Replay) -> None:
    before = replay.online()
    one, other = sorted(before)[:2]
    ledger = replay.ledger()
    try:
        with ledger.database.writing() as connection:
            made = identities.link(connection, other, one, at=ledger.clock(), source="api")
        assert made.link_id is not None
        replay.follow()
        merged = replay.online()
        assert other not in merged
        assert merged[one].value("order_count") == before[one].value("order_count") + before[other].value("order_count")
        with ledger.database.writing() as connection:
            identities.undo(connection, made.link_id, at=ledger.clock())
    finally:
        ledger.close()
    replay.follow()
    parted = replay.online()
    for customer in (one, other):
        np.testing.assert_allclose(parted[customer].vector, before[customer].vector, rtol=1e-9, atol=1e-9)


def test_readers_read_whole_rows_while_the_worker_writes(replay: Replay) -> None:
    orders = list(replay.orders())
    customers = sorted({order["userId"] for order in orders})
    reader = open_reader(online(replay), replay.settings.online_server)  # as the API: open before the worker begins
    ending, seen, wrong = threading.Event(), set(), []

    def read() -> None:
        while not ending.wait(0.002):  # a service with this many readers has some that rest, and the worker needs the interpreter too
            for customer in customers:
                try:
                    row = reader.read(customer)
                except HuitouError as error:
                    wrong.append(str(error))
                    continue
                seen.add(None if row is None else row.as_of)

    reading = threading.Thread(target=read)
    reading.start()
    ledger = replay.ledger()
    following = Following(replay.settings, ledger)
    try:
        for start in range(0, len(orders), 3):
            replay.post(orders[start : start + 3])
            until_idle(following)
    finally:
        ending.set()
        reading.join()
        following.close()
        ledger.close()
        reader.close()
    assert not wrong
    assert len(seen) > 2, "the reader saw rows of several moments"


def test_the_store_is_a_plain_file_again_afterwards(file_replay: Replay) -> None:
    file_replay.post(list(file_replay.orders()))
    file_replay.follow()
    assert [path.name for path in online(file_replay).iterdir() if path.name.startswith(f"{DATABASE}-")] == []
    assert (online(file_replay) / DATABASE).read_bytes()[18:20] == b"\x01\x01", "1 is a rollback journal, 2 would be write-ahead"


def test_a_clock_behind_the_features_is_refused(replay: Replay) -> None:
    with pytest.raises(HuitouError, match="set a later clock"):
        replay.follow(now=replay.midnight - timedelta(days=9))


def test_without_a_build_there_is_nothing_to_keep_fresh(tmp_path: Path) -> None:
    replay = Replay(FeatureSettings(data_dir=tmp_path), None, {})  # type: ignore[arg-type]
    with pytest.raises(StateMissing, match="huitou build"):
        replay.follow()


def test_whoever_never_ordered_gets_a_row_once_they_agree_and_loses_it_when_they_withdraw(replay: Replay) -> None:
    replay.post([event("Product Viewed", "only-looks", replay.midnight + timedelta(hours=1), product_id="p")])
    assert sum(step.gone for step in replay.follow()) == 1
    assert "only-looks" not in replay.online()
    replay.agree("only-looks")
    replay.follow()
    found = replay.online()["only-looks"]
    assert found.looked.product_ids.tolist() == ["p"]
    assert not found.has_ordered
    ledger = replay.ledger()
    try:
        with ledger.database.writing() as connection:
            consents.state(connection, [Statement("only-looks", Purpose.PROFILING, ANY, State.WITHDRAWN, ledger.clock(), "test")])
    finally:
        ledger.close()
    replay.follow()
    assert "only-looks" not in replay.online()
    replay.night(replay.midnight + timedelta(hours=2))
    assert "only-looks" not in replay.online()


def until_idle(following: Following) -> list[Step]:
    steps = []
    while not (step := following.step()).idle:
        steps.append(step)
    return steps
