"""Decisions that the ledger's database cannot take now, kept in files of the data folder until it can: a kill loses none of them.

Each process writes into a folder of its own, `decision-spool/<name>/`, and holds its lock: what a killed process left, the next one that
starts takes over. Lines of JSON, synced group by group; a line that a crash tore is no line. Ids are unique, so that writing a file into
the ledger twice changes nothing; a file is deleted as soon as the ledger has all of it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import tempfile
import threading
import time
import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydantic import TypeAdapter

from features.errors import OutOfSpace, StateBroken
from features.ledger.decisions import Decided, people_of
from features.settings import FeatureSettings

FOLDER = "decision-spool"
_LOCK = ".lock"
_SUFFIX = ".spool"
_SEGMENT_BYTES = 4_000_000  # of one file: what is read into memory at a time
_DRAINED_SECONDS = 5.0  # a running service whose ledger answers empties its files in tenths of them
_LOOK_SECONDS = 0.05
_CODEC: TypeAdapter[Decided] = TypeAdapter(Decided)


@dataclass(frozen=True)
class Segment:
    """One file; nothing is added to it any more.

    Attributes:
        path: where.
        decisions: how many lines were written, torn ones not counted.
    """

    path: Path
    decisions: int


class DecisionSpool:
    """The files of one process, oldest first. Safe from any thread."""

    def __init__(self, data_dir: Path, *, limit_bytes: int, segment_bytes: int = _SEGMENT_BYTES) -> None:
        """Prepare; nothing is made before the first `append`.

        Args:
            data_dir: folder that holds everything huitou writes.
            limit_bytes: most that all files of this process hold.
            segment_bytes: from which on a file is followed by another.
        """
        self._root, self._limit, self._segment_bytes = data_dir / FOLDER, limit_bytes, segment_bytes
        self._mutex = threading.Lock()
        self._own: tuple[Path, IO[bytes]] | None = None
        self._locks: dict[Path, IO[bytes]] = {}  # folders taken over
        self._segments: list[Segment] = []
        self._open: tuple[Path, IO[bytes]] | None = None  # is added to
        self._open_decisions = 0
        self._number = 0
        self._bytes = 0

    @property
    def waiting(self) -> int:
        """Decisions in the files."""
        return sum(segment.decisions for segment in self._segments) + self._open_decisions

    def take_over(self) -> int:
        """Take what processes left that are no more; returns how many decisions."""
        before = self.waiting
        with self._mutex:
            for folder in sorted(self._root.glob("[!.]*")):
                lock = _locked(folder)
                if lock is None:
                    continue
                found = [Segment(path, path.read_bytes().count(b"\n")) for path in sorted(folder.glob(f"*{_SUFFIX}"))]
                self._locks[folder] = lock
                self._segments += found
                self._bytes += sum(segment.path.stat().st_size for segment in found)
                if not found:
                    self._let_go(folder)
        return self.waiting - before

    def append(self, decided: Sequence[Decided]) -> None:
        """Keep a group; when this returns it is on the disk.

        Raises:
            OutOfSpace: there is no room, or the files hold as much as they may; nothing of the group counts.
        """
        text = b"".join(_CODEC.dump_json(one) + b"\n" for one in decided)
        with self._mutex:
            if self._bytes + len(text) > self._limit:
                raise OutOfSpace(f"{self._root} holds {self._bytes:,} bytes of decisions already; the ledger must take them first.")
            try:
                _, file = self._open or self._begin()
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            except OSError as error:
                self._seal()  # a torn line may be its last: nothing is added behind it
                if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
                    raise OutOfSpace(f"The disk that holds {self._root} is full; free some space.") from error
                raise OutOfSpace(f"{self._root} cannot be written ({error.strerror}).") from error
            self._bytes += len(text)
            self._open_decisions += len(decided)
            if file.tell() >= self._segment_bytes:
                self._seal()

    def oldest(self) -> Segment | None:
        """The file that is to be written into the ledger next; None when there is none."""
        with self._mutex:
            if not self._segments:
                self._seal()
            return self._segments[0] if self._segments else None

    def drop(self, segment: Segment) -> None:
        """The ledger has all of it."""
        with self._mutex:
            self._segments.remove(segment)
            with contextlib.suppress(OSError):  # safe: what stays is written again some time, and changes nothing then
                self._bytes -= segment.path.stat().st_size
                segment.path.unlink()
            folder = segment.path.parent
            if folder in self._locks and not any(one.path.parent == folder for one in self._segments):
                self._let_go(folder)

    def close(self) -> None:
        """Let go of the files; what they hold is taken over by the next process."""
        with self._mutex:
            self._seal()
            if self._own is not None:
                folder, lock = self._own
                self._own = None
                self._locks[folder] = lock
            for folder in list(self._locks):
                self._let_go(folder)
            self._segments.clear()

    def _begin(self) -> tuple[Path, IO[bytes]]:
        if self._own is None:
            self._root.mkdir(parents=True, exist_ok=True)
            made = Path(tempfile.mkdtemp(prefix=".new-", dir=self._root))
            lock = (made / _LOCK).open("wb")
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody else can have it
            folder = self._root / uuid.uuid4().hex  # appears with its lock held: nobody takes it for left behind
            made.rename(folder)
            self._own = folder, lock
            _sync(self._root)
        self._number += 1
        path = self._own[0] / f"{self._number:08d}{_SUFFIX}"
        self._open = path, path.open("wb")
        self._open_decisions = 0
        _sync(path.parent)
        return self._open

    def _seal(self) -> None:
        if self._open is None:
            return
        path, file = self._open
        with contextlib.suppress(OSError):  # safe: what was promised is synced already
            file.close()
        self._open = None
        self._segments.append(Segment(path, self._open_decisions))
        self._open_decisions = 0

    def _let_go(self, folder: Path) -> None:
        lock = self._locks.pop(folder)
        with contextlib.suppress(OSError):  # safe: a folder that is not empty stays, and waits to be taken over
            if not any(folder.glob(f"*{_SUFFIX}")):
                (folder / _LOCK).unlink()
                folder.rmdir()
        lock.close()


def read_segment(segment: Segment) -> list[Decided]:
    """The decisions of a file, in the order in which they were made; one that is gone holds none."""
    return _read(segment.path)


def forget_in_spool(settings: FeatureSettings, ids: Collection[str]) -> int:
    """Drop people's decisions from what stopped processes left; returns how many went.

    A running service drops them itself, since the ledger says who was erased; it is waited for.

    Raises:
        StateBroken: a running service still holds some.
    """
    wanted, removed = set(ids), 0
    for folder in sorted((settings.data_dir / FOLDER).glob("[!.]*")):
        lock = _locked(folder)
        if lock is None:
            _await_drained(folder, wanted)
            continue
        try:
            removed += sum(_drop_from(path, wanted) for path in sorted(folder.glob(f"*{_SUFFIX}")))
        finally:
            lock.close()
    return removed


def _await_drained(folder: Path, ids: set[str]) -> None:
    until = time.monotonic() + _DRAINED_SECONDS
    while any(ids & people_of(one) for path in folder.glob(f"*{_SUFFIX}") for one in _read(path)):
        if time.monotonic() >= until:
            raise StateBroken(f"A running service still holds decisions in {folder} that its ledger did not take; it is tried again.")
        time.sleep(_LOOK_SECONDS)


def _drop_from(path: Path, ids: set[str]) -> int:
    held = _read(path)
    kept = [one for one in held if not ids & people_of(one)]
    if len(kept) < len(held):
        aside = path.with_name(f".{path.name}.writing")
        with aside.open("wb") as file:
            file.writelines(_CODEC.dump_json(one) + b"\n" for one in kept)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    return len(held) - len(kept)


def _read(path: Path) -> list[Decided]:
    return list(_lines(path))


def _lines(path: Path) -> Iterator[Decided]:
    try:
        whole = path.read_bytes()
    except FileNotFoundError:
        return
    for line in whole.split(b"\n")[:-1]:  # what has no end of line is torn
        with contextlib.suppress(ValueError):  # safe: a line that a full disk tore was never promised
            yield _CODEC.validate_json(line)


def _locked(folder: Path) -> IO[bytes] | None:
    """The folder's lock; None while another process lives that holds it, or when the folder is gone."""
    try:
        lock = (folder / _LOCK).open("ab")
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock


def _sync(folder: Path) -> None:
    """Make a folder's new names outlive a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
