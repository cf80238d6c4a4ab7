from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from tests.features.refreshing.replay import Replay
from tests.huitou.conftest import Huitou


@pytest.fixture
def replay(tmp_path: Path) -> Replay:
    return Replay.of_sample(tmp_path / "data", days=1)


def test_once_refreshes_what_waits_and_ends(huitou: Huitou, replay: Replay) -> None:
    orders = list(replay.orders())
    before = replay.online()
    replay.post(orders)
    ran = huitou("work", "--once", "--data-dir", str(replay.settings.data_dir))
    assert ran.code == 0
    assert f"{len(orders):,} events seen" in ran.out
    after = replay.online()
    for customer in {order["userId"] for order in orders}:
        assert customer not in before or after[customer].as_of > before[customer].as_of
    assert "0 events seen" in huitou("work", "--once", "--data-dir", str(replay.settings.data_dir)).out


def test_a_second_worker_is_refused(huitou: Huitou, tmp_path: Path) -> None:
    with (tmp_path / ".work.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "Another worker keeps" in huitou("work", "--once", "--data-dir", str(tmp_path)).refusal


def test_without_a_build_the_remedy_is_said(huitou: Huitou, tmp_path: Path) -> None:
    assert "huitou build" in huitou("work", "--once", "--data-dir", str(tmp_path)).refusal
