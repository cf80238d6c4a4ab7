from __future__ import annotations

import multiprocessing
import uuid
from multiprocessing.connection import Connection

import pytest

from serving.decisioning.decision_ids import DecisionIds


def test_they_are_uuids_and_never_the_same() -> None:
    ids = DecisionIds()
    made = [ids() for _ in range(2000)]
    assert len(set(made)) == 2000
    assert all(str(found) == one and found.version == 7 and found.variant == uuid.RFC_4122 for one in made if (found := uuid.UUID(one)))


def test_they_grow_with_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ids, now = DecisionIds(), 1_700_000_000_123
    made = []
    for later in (0, 1, 255, 256, 10**9):
        monkeypatch.setattr("time.time_ns", lambda at=now + later: at * 1_000_000 + 999_999)
        made.append(ids())
        assert uuid.UUID(made[-1]).int >> 80 == now + later
    assert made == sorted(made)


def give(ids: DecisionIds, to: Connection) -> None:
    to.send([ids() for _ in range(300)])


def test_a_forked_process_gives_others() -> None:
    ids = DecisionIds()
    ids()
    here, there = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(target=give, args=(ids, there))
    child.start()
    theirs = here.recv()
    child.join()
    assert not set(theirs) & {ids() for _ in range(300)}
