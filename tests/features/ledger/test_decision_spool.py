from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.errors import OutOfSpace, StateBroken
from features.ledger import decision_spool
from features.ledger.answers import KeptAnswer
from features.ledger.contacts import Contact
from features.ledger.decision_spool import FOLDER, DecisionSpool, forget_in_spool, read_segment
from features.ledger.decisions import Decided
from features.ledger.exposures import Exposure
from features.ledger.slates import KeptSlate
from features.settings import FeatureSettings

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def decided(number: int, who: str = "顾客-1") -> Decided:
    contact = Contact(f"d{number}", who, "wecom", "coupon", "coupon:1", f"d{number}", NOW, also=(("item", "item:顾"),))
    slate = KeptSlate.of('{"offers":["顾"]}', who)
    answer = KeptAnswer.of('{"decision_id":"', '","of":"顾"}', who, slate) if number % 2 else None
    own = '{"a": "\\n"}' if answer is None else ""
    return Decided(f"d{number}", who, NOW, own, '{"format":1}', contact, (Exposure("e", who, "a", NOW),), slate, answer)


_OPENED: list[DecisionSpool] = []


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    while _OPENED:
        _OPENED.pop().close()


def spool(folder: Path, **given: int) -> DecisionSpool:
    _OPENED.append(DecisionSpool(folder, **({"limit_bytes": 1_000_000} | given)))
    return _OPENED[-1]


def drained(one: DecisionSpool) -> list[Decided]:
    found: list[Decided] = []
    while (segment := one.oldest()) is not None:
        found += read_segment(segment)
        one.drop(segment)
    return found


def test_what_is_kept_comes_back_whole_in_order_and_leaves_nothing(tmp_path: Path) -> None:
    one = spool(tmp_path, segment_bytes=2000)
    told = [decided(n) for n in range(40)]
    for start in range(0, 40, 4):
        one.append(told[start : start + 4])
    assert one.waiting == 40
    assert len(list(tmp_path.rglob("*.spool"))) > 3
    assert drained(one) == told
    assert one.waiting == 0
    one.append([decided(41)])
    assert [d.decision_id for d in drained(one)] == ["d41"]
    one.close()
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_nothing_is_made_before_there_is_something_to_keep(tmp_path: Path) -> None:
    one = spool(tmp_path)
    assert one.take_over() == 0
    assert one.oldest() is None
    one.close()
    assert list(tmp_path.iterdir()) == []


def _killed(folder: str) -> None:
    one = spool(Path(folder))
    one.append([decided(1), decided(2)])
    one.append([decided(3)])
    os._exit(9)


def test_what_a_killed_process_left_is_taken_over_and_of_a_living_one_nothing(tmp_path: Path) -> None:
    living = spool(tmp_path)
    living.append([decided(7)])
    child = multiprocessing.get_context("spawn").Process(target=_killed, args=(str(tmp_path),))
    child.start()
    child.join()
    following = spool(tmp_path)
    assert following.take_over() == 3
    assert following.take_over() == 0
    assert spool(tmp_path).take_over() == 0  # held by now
    assert [d.decision_id for d in drained(following)] == ["d1", "d2", "d3"]
    assert [d.decision_id for d in drained(living)] == ["d7"]


def test_what_is_not_drained_waits_for_the_next(tmp_path: Path) -> None:
    first = spool(tmp_path)
    first.append([decided(1)])
    first.close()
    second = spool(tmp_path)
    assert second.take_over() == 1
    second.append([decided(2)])
    second.close()
    third = spool(tmp_path)
    assert third.take_over() == 2
    assert {d.decision_id for d in drained(third)} == {"d1", "d2"}


@pytest.mark.parametrize("torn", [b'{"decision_id": "d2", "recor', b"\0\0\0\n", b"{}\n"])
def test_a_torn_line_is_no_line(tmp_path: Path, torn: bytes) -> None:
    one = spool(tmp_path)
    one.append([decided(1)])
    one.close()
    (path,) = tmp_path.rglob("*.spool")
    path.write_bytes(path.read_bytes() + torn)
    following = spool(tmp_path)
    following.take_over()
    assert [d.decision_id for d in drained(following)] == ["d1"]


def test_it_holds_no_more_than_it_may(tmp_path: Path) -> None:
    one = spool(tmp_path, limit_bytes=2000)
    for _ in range(3):
        one.append([decided(1)])
    with pytest.raises(OutOfSpace, match="must take them first"):
        one.append([decided(number) for number in range(10)])
    kept = one.waiting
    assert kept == 3
    assert len(drained(one)) == kept
    one.append([decided(200)])  # there is room again


def test_a_disk_that_is_full_is_said_and_what_was_kept_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = spool(tmp_path)
    one.append([decided(1)])

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(decision_spool.os, "fsync", full)
        with pytest.raises(OutOfSpace, match="full"):
            one.append([decided(2)])
    one.append([decided(3)])
    assert {"d1", "d3"} <= {d.decision_id for d in drained(one)}


def test_somebody_erased_goes_from_what_a_stopped_service_left(tmp_path: Path) -> None:
    settings = FeatureSettings(data_dir=tmp_path)
    one = spool(tmp_path)
    one.append([decided(1, "gone"), decided(2, "stays"), Decided("d3", None, NOW, "{}", contact=decided(3, "gone").contact)])
    one.close()
    assert forget_in_spool(settings, {"gone"}) == 2
    assert forget_in_spool(settings, {"gone"}) == 0
    assert not any(b"gone" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    following = spool(tmp_path)
    following.take_over()
    assert [d.decision_id for d in drained(following)] == ["d2"]


def test_a_running_service_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = FeatureSettings(data_dir=tmp_path)
    one = spool(tmp_path)
    one.append([decided(1, "gone")])
    monkeypatch.setattr(decision_spool, "_DRAINED_SECONDS", 0.1)
    with pytest.raises(StateBroken, match="tried again"):
        forget_in_spool(settings, {"gone"})
    assert forget_in_spool(settings, {"another"}) == 0
    drained(one)
    assert forget_in_spool(settings, {"gone"}) == 0
