"""A state is whole or it is not there: swaps, interruptions, a full disk."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import ibis
import polars as pl
import pytest

from features.errors import OutOfSpace, StateBroken, StateMissing
from features.versions import content_hash, current_folder, current_version, matches, new_version

FULL = Path("/dev/full")  # every write to it fails as on a full disk


def write(root: Path, text: str) -> None:
    with new_version(root, text) as folder:
        (folder / "a").write_text(text, encoding="utf-8")


def test_the_newest_finished_version_is_current(tmp_path: Path) -> None:
    write(tmp_path, "one")
    write(tmp_path, "two")
    assert (current_folder(tmp_path, remedy="") / "a").read_text(encoding="utf-8") == "two"
    assert matches(tmp_path, "two")
    assert not matches(tmp_path, "one")


def test_the_version_before_stays_for_readers_that_have_it_open_and_older_ones_go(tmp_path: Path) -> None:
    names = []
    for text in ("one", "two", "three"):
        write(tmp_path, text)
        names.append(current_version(tmp_path))
    assert {p.name for p in tmp_path.iterdir()} == {"CURRENT", names[1], names[2]}


def test_what_a_killed_process_left_goes_after_a_day_and_what_another_writes_stays(tmp_path: Path) -> None:
    left, fresh = tmp_path / ".writing-left", tmp_path / ".writing-fresh"
    for folder in (left, fresh):
        folder.mkdir()
        (folder / "a").write_text("x", encoding="utf-8")
    two_days_ago = fresh.stat().st_mtime - 2 * 24 * 3600
    os.utime(left, (two_days_ago, two_days_ago))
    write(tmp_path, "one")
    assert not left.exists()
    assert (fresh / "a").is_file()


ENDS = {"ctrl-c": KeyboardInterrupt(), "error": ValueError("x"), "disk": OSError(errno.EIO, "I/O error")}


@pytest.mark.parametrize("error", ENDS.values(), ids=ENDS)
def test_an_interrupted_write_leaves_the_previous_state_and_no_rest(tmp_path: Path, error: BaseException) -> None:
    write(tmp_path, "one")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(type(error)), new_version(tmp_path, "two") as folder:  # noqa: PT012 - half a write, then the end
        (folder / "a").write_text("half", encoding="utf-8")
        raise error
    assert sorted(tmp_path.rglob("*")) == before
    assert (current_folder(tmp_path, remedy="") / "a").read_text(encoding="utf-8") == "one"


def _plain() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def _polars() -> None:
    pl.DataFrame({"a": range(1000)}).write_parquet(FULL)


def _duckdb() -> None:
    ibis.memtable(pl.DataFrame({"a": range(1000)})).to_parquet(FULL)


def _sqlite() -> None:
    database = sqlite3.connect(":memory:")
    try:
        database.execute("PRAGMA max_page_count = 10")
        database.execute("CREATE TABLE t (a)")
        database.executemany("INSERT INTO t VALUES (?)", [("x" * 1000,)] * 100)
    finally:
        database.close()


@pytest.mark.skipif(not FULL.exists(), reason="the system has no /dev/full to write to")
@pytest.mark.parametrize("write_too_much", [_plain, _polars, _duckdb, _sqlite])
def test_a_full_disk_is_named_whoever_meets_it(tmp_path: Path, write_too_much: object) -> None:
    write(tmp_path, "one")
    assert callable(write_too_much)
    with pytest.raises(OutOfSpace, match=f"{tmp_path} is full"), new_version(tmp_path, "two"):
        write_too_much()
    assert matches(tmp_path, "one")


def test_nothing_finished_names_the_remedy(tmp_path: Path) -> None:
    assert current_version(tmp_path / "never") is None
    assert not matches(tmp_path / "never", "one")
    with pytest.raises(StateMissing, match="run it first"):
        current_folder(tmp_path / "never", remedy="run it first")


@pytest.mark.parametrize("pointer", ["v-gone", ""])
def test_a_pointer_to_nothing_is_a_broken_state(tmp_path: Path, pointer: str) -> None:
    (tmp_path / "CURRENT").write_text(pointer, encoding="utf-8")
    with pytest.raises(StateBroken, match="--force"):
        current_version(tmp_path)


@pytest.mark.parametrize("stamp", [b"", b"{", b'{"inputs": "other"}', b"\xff"])
def test_a_damaged_stamp_only_means_that_the_step_runs_again(tmp_path: Path, stamp: bytes) -> None:
    write(tmp_path, "one")
    (current_folder(tmp_path, remedy="") / "stamp.json").write_bytes(stamp)
    assert not matches(tmp_path, "one")


def test_the_hash_depends_on_values_and_file_contents_not_on_key_order_or_names(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "b").write_bytes(b"x")
    assert content_hash(tmp_path / "a") == content_hash(tmp_path / "b")
    assert content_hash({"x": 1, "y": 2}) == content_hash({"y": 2, "x": 1}) != content_hash({"x": 2, "y": 1})
    assert len(content_hash()) == 16


def test_after_a_power_cut_a_name_never_leads_to_what_is_not_on_the_disk_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[str, str]] = []
    fsync, rename, replace = os.fsync, os.rename, os.replace

    def synced(descriptor: int) -> None:
        done.append(("sync", Path(f"/proc/self/fd/{descriptor}").resolve().name))
        fsync(descriptor)

    def renamed(source: str | Path, target: str | Path) -> None:
        done.append(("rename", Path(target).name))
        rename(source, target)

    def replaced(source: str | Path, target: str | Path) -> None:
        done.append(("rename", Path(target).name))
        replace(source, target)

    for name, stand_in in (("fsync", synced), ("rename", renamed), ("replace", replaced)):
        monkeypatch.setattr(os, name, stand_in)
    with new_version(tmp_path, "one") as folder:
        (folder / "a").write_text("x", encoding="utf-8")
        (folder / "part").mkdir()
        (folder / "part" / "b").write_text("y", encoding="utf-8")
        aside = folder.name
    version, root = current_version(tmp_path), tmp_path.name
    assert version is not None
    named = done.index(("rename", version))
    assert {what for kind, what in done[:named] if kind == "sync"} == {"a", "b", "part", "stamp.json", aside}
    pointer = f".CURRENT-{os.getpid()}"
    assert done[named:] == [("rename", version), ("sync", root), ("sync", pointer), ("rename", "CURRENT"), ("sync", root)]
