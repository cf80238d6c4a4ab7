"""Versioned folders: a new state is written aside and becomes current by one atomic rename.

An interrupted or failed write leaves the previous state whole. The layout is `ROOT/<version>/…` and a pointer file `ROOT/CURRENT`
that holds the name of the current version; replacing a file is atomic on POSIX file systems, replacing a folder is not.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from features.errors import OutOfSpace, StateBroken, StateMissing
from features.room import is_full

_POINTER = "CURRENT"
_STAMP = "stamp.json"
_KEEP_VERSIONS = 2  # the current one and the one a running reader may still have open
_ABANDONED_AFTER = 24 * 3600.0  # seconds; no step writes that long without adding a file


def content_hash(*parts: object) -> str:
    """Hash JSON-serialisable parts and file contents (`Path`) into 16 hex digits."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            with part.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        else:
            digest.update(json.dumps(part, sort_keys=True, default=str).encode())
    return digest.hexdigest()[:16]


def current_version(root: Path) -> str | None:
    """Name of the current version below `root`, or None when nothing was completed yet."""
    pointer = root / _POINTER
    if not pointer.is_file():
        return None
    name = pointer.read_text(encoding="utf-8").strip()
    if not name or not (root / name).is_dir():
        raise StateBroken(f"{pointer} points to {name!r}, which does not exist; run the step again with --force.")
    return name


def current_folder(root: Path, *, remedy: str) -> Path:
    """Folder of the current version.

    Raises:
        StateMissing: nothing was completed below `root`; the message ends with `remedy`.
    """
    version = current_version(root)
    if version is None:
        raise StateMissing(f"{root} holds no finished state yet; {remedy}")
    return root / version


def matches(root: Path, inputs: object) -> bool:
    """Whether the current version was written from exactly these inputs (so that a step may be skipped)."""
    version = current_version(root)
    if version is None:
        return False
    stamp = root / version / _STAMP
    # Bytes, not JSON: a damaged stamp only means that the step runs again.
    return stamp.is_file() and stamp.read_bytes() == _stamp(inputs)


@contextlib.contextmanager
def new_version(
    root: Path, inputs: object, *, publishing: Callable[[Path], AbstractContextManager[object]] = contextlib.nullcontext
) -> Iterator[Path]:
    """Write a new version aside; on success it becomes current, on any error it vanishes.

    Args:
        root: folder of all versions; created when absent.
        inputs: JSON-serialisable description of what the version is made from, compared later by `matches`.
        publishing: entered with the finished folder just before it becomes current, left just after, for a last look that must still be
            true then.

    Yields:
        An empty folder to write into.

    Raises:
        OutOfSpace: the disk is full.
    """
    root.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".writing-", dir=root))
    try:
        yield aside
        (aside / _STAMP).write_bytes(_stamp(inputs))
        name = f"v-{content_hash(inputs)}-{aside.name.removeprefix('.writing-')}"
        aside.chmod(0o755)
        sync_tree(aside)
        with publishing(aside):
            aside.rename(root / name)
            _sync(root)  # the folder has its name before the pointer says it
            _point(root, name)
    except BaseException as error:
        shutil.rmtree(aside, ignore_errors=True)
        if is_full(error):
            raise OutOfSpace(f"The disk that holds {root} is full; free some space and run the step again.") from error
        raise
    _prune(root, keep=name)


def _stamp(inputs: object) -> bytes:
    return json.dumps({"inputs": content_hash(inputs)}).encode()


def sync_tree(folder: Path) -> None:
    """Wait until a folder with everything below it is on the disk: a name that survives a power cut must not lead to an empty file."""
    for path in sorted(folder.rglob("*")):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    """A file's content, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _point(root: Path, name: str) -> None:
    pointer = root / f".{_POINTER}-{os.getpid()}"
    pointer.write_text(name, encoding="utf-8")
    _sync(pointer)
    pointer.replace(root / _POINTER)
    _sync(root)


def _prune(root: Path, *, keep: str) -> None:
    versions = sorted((p for p in root.glob("v-*") if p.name != keep), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in versions[_KEEP_VERSIONS - 1 :]:
        shutil.rmtree(old, ignore_errors=True)
    # A killed process cannot clear up behind itself; what is younger may be another's that still writes.
    left_before = (root / keep).stat().st_mtime - _ABANDONED_AFTER
    for aside in root.glob(".writing-*"):
        with contextlib.suppress(FileNotFoundError):  # safe: its writer has just finished
            if aside.stat().st_mtime < left_before:
                shutil.rmtree(aside, ignore_errors=True)
