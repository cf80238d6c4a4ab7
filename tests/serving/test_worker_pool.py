"""A pool of forks: whoever dies is replaced, whoever is told to end ends with everybody, nobody is left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.server_process import ROOT, wait_until

# Each worker writes its process's number, and ends with the signal; place 9 cannot live.
_POOL = """
import os, signal, sys, time
from pathlib import Path
from serving.worker_pool import WorkerPool

folder, shared = Path(sys.argv[1]), [0] * 1000

def work(place):
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
    (folder / f"{place}-{os.getpid()}").write_text(str(len(shared)))
    if (folder / "fails").exists():
        raise RuntimeError("cannot live")
    while not ended:
        time.sleep(0.01)
    (folder / f"ended-{place}-{os.getpid()}").touch()
    if (folder / "stays").exists():
        time.sleep(60)

WorkerPool(work, int(sys.argv[2]), goodbye=float(sys.argv[3])).run()
(folder / "pool-ended").touch()
"""


class Pool:
    """A pool in a process of its own."""

    def __init__(self, folder: Path, workers: int, goodbye: float) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", _POOL, str(folder), str(workers), str(goodbye)], cwd=ROOT, stderr=subprocess.DEVNULL
        )

    def begun(self, place: int) -> list[int]:
        return sorted(int(path.name.split("-")[1]) for path in self.folder.glob(f"{place}-*"))

    def living(self, place: int) -> list[int]:
        return [pid for pid in self.begun(place) if is_alive(pid)]


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    made = Pool(tmp_path, 2, 10.0)
    try:
        wait_until(lambda: bool(made.begun(0) and made.begun(1)), 30, "both workers")
        yield made
    finally:
        made.process.kill()
        made.process.wait()


def test_a_worker_that_is_killed_is_replaced_and_the_other_left_alone(pool: Pool) -> None:
    (killed,), (other,) = pool.living(0), pool.living(1)
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: len(pool.living(0)) == 1 and pool.living(0) != [killed], 10, "the next one")
    assert pool.living(1) == [other]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_it_ends_when_all_have_ended(pool: Pool, number: signal.Signals) -> None:
    workers = [*pool.living(0), *pool.living(1)]
    pool.process.send_signal(number)
    assert pool.process.wait(10) == 0
    assert (pool.folder / "pool-ended").exists()
    assert len(list(pool.folder.glob("ended-*"))) == 2
    assert not any(is_alive(pid) for pid in workers)


def test_workers_do_not_outlive_a_pool_that_is_killed(pool: Pool) -> None:
    workers = [*pool.living(0), *pool.living(1)]
    pool.process.kill()
    wait_until(lambda: not any(is_alive(pid) for pid in workers), 10, "the workers to end")
    assert len(list(pool.folder.glob("ended-*"))) == 2, "they ended as if they had been told to"


def test_a_worker_that_cannot_live_is_tried_ever_less_often(tmp_path: Path) -> None:
    (tmp_path / "fails").touch()
    made = Pool(tmp_path, 1, 10.0)
    try:
        wait_until(lambda: len(made.begun(0)) >= 3, 30, "three attempts")  # at once, at once again, after half a second
        time.sleep(1.0)
        assert len(made.begun(0)) == 3, "the fourth comes after two seconds"
        made.process.terminate()
        assert made.process.wait(10) == 0
    finally:
        made.process.kill()
        made.process.wait()


def test_who_does_not_end_in_time_is_killed(tmp_path: Path) -> None:
    (tmp_path / "stays").touch()
    made = Pool(tmp_path, 1, 1.0)
    try:
        wait_until(lambda: bool(made.begun(0)), 30, "the worker")
        made.process.terminate()
        assert made.process.wait(10) == 0
        assert made.living(0) == []
    finally:
        made.process.kill()
        made.process.wait()
