"""Arrays are unpacked once, mapped afterwards, and never believed when they are not what was unpacked."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from training.artifacts import mapped_arrays
from training.artifacts.folder import ArtifactBroken, Manifest, open_artifact, write_artifact
from training.artifacts.mapped_arrays import mapped

WHEN = datetime(2026, 1, 1, tzinfo=UTC)
FACTORS = np.arange(12, dtype=np.float32).reshape(4, 3)
IDS = np.array(["a", "bb", "很长", "d"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "artifact", FACTORS)
    return tmp_path / "artifact"


def write(path: Path, factors: NDArray[np.float32]) -> None:
    manifest = Manifest(name="items", kind="items", data_from=WHEN, data_until=WHEN, input_hash="x")
    write_artifact(path, manifest, arrays={"items.npz": {"factors": factors, "ids": IDS}})


def opened(folder: Path, calls: list[int] | None = None) -> dict[str, NDArray[Any]]:
    def work_out(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        if calls is not None:
            calls.append(1)
        return {"doubled": 2 * arrays["factors"]}

    return mapped(open_artifact(folder, kind="items"), "items.npz", work_out)


def test_what_is_mapped_is_what_was_packed_and_is_worked_out_once(folder: Path) -> None:
    calls: list[int] = []
    for _ in range(3):
        found = opened(folder, calls)
        assert all(isinstance(array, np.memmap) for array in found.values())
        np.testing.assert_array_equal(found["factors"], FACTORS)
        np.testing.assert_array_equal(found["doubled"], 2 * FACTORS)
        assert found["ids"].tolist() == IDS.tolist()
    assert len(calls) == 1
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == [".mapped"], "nothing is left aside"


@pytest.mark.parametrize("damage", ["array", "note", "gone", "pickle"])
def test_what_was_changed_is_made_anew(folder: Path, damage: str) -> None:
    opened(folder)
    array, note = folder / ".mapped" / "factors.npy", folder / ".mapped" / "mapped.json"
    match damage:
        case "array":
            content = bytearray(array.read_bytes())
            content[-1] ^= 0xFF
            array.write_bytes(content)
        case "note":
            note.write_text("{", encoding="utf-8")
        case "gone":
            array.unlink()
        case "pickle":
            np.save(array, np.array([{"a": 1}], dtype=object), allow_pickle=True)
            told = json.loads(note.read_text(encoding="utf-8"))
            told["hashes"]["factors"] = mapped_arrays.file_hash(array)
            note.write_text(json.dumps(told), encoding="utf-8")
    np.testing.assert_array_equal(opened(folder)["factors"], FACTORS)
    assert isinstance(opened(folder)["factors"], np.memmap)


def test_another_model_in_the_same_place_is_not_taken_for_it(folder: Path) -> None:
    opened(folder)
    write(folder, FACTORS + 1)
    np.testing.assert_array_equal(opened(folder)["factors"], FACTORS + 1)


def test_where_nothing_can_be_written_they_are_ones_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    found = opened(folder)
    assert not isinstance(found["factors"], np.memmap)
    np.testing.assert_array_equal(found["doubled"], 2 * FACTORS)
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_a_damaged_artifact_is_told(folder: Path) -> None:
    opened(folder)
    (folder / "items.npz").write_bytes(b"damaged")
    with pytest.raises(ArtifactBroken, match=r"items\.npz"):
        opened(folder)


def test_what_a_killed_process_left_goes_and_what_another_writes_stays(folder: Path) -> None:
    left, fresh = folder / ".mapping-left", folder / ".mapping-fresh"
    for one in (left, fresh):
        one.mkdir()
    os.utime(left, (1.0, 1.0))
    opened(folder)
    assert (left.exists(), fresh.exists()) == (False, True)
