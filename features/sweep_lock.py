"""Who writes people into the data folder and who takes them out: never both at once.

A writer holds its share of the lock from before it reads anybody until what it made of it is in place; whoever erases holds all of it. So
an erasure never goes through the files while somebody is about to put back what was read before. The kernel lets go with the process,
however that ends.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from features.errors import StateBroken

_PEOPLE = ".people.lock"
_ROWS = ".rows.lock"


@contextlib.contextmanager
def writing_people(data_dir: Path) -> Iterator[None]:
    """Read people and write them elsewhere in the data folder; waits for an erasure that goes through the files. May be nested.

    Where there is no folder yet nobody is in it: then there is nothing to wait for, and none is made.
    """
    if not data_dir.is_dir():
        yield
        return
    with _locked(data_dir / _PEOPLE, fcntl.LOCK_SH):
        yield


@contextlib.contextmanager
def sweeping(data_dir: Path, *, wait: bool) -> Iterator[bool]:
    """Be alone with the files: whoever wrote has finished, whoever wants to write waits. Not from within `writing_people`.

    Args:
        data_dir: of the shop.
        wait: until every writer has finished; else not at all.

    Yields:
        Whether this is so; False: somebody writes at the moment, and it does not wait.
    """
    with _locked(data_dir / _PEOPLE, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB) as held:
        yield held


@contextlib.contextmanager
def changing_rows(online_dir: Path) -> Iterator[None]:
    """Change rows of online stores that are served from, one at a time: milliseconds."""
    with _locked(online_dir / _ROWS, fcntl.LOCK_EX):
        yield


@contextlib.contextmanager
def _locked(path: Path, how: int) -> Iterator[bool]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        opened = path.open("a")
    except OSError as error:
        raise StateBroken(f"{path} cannot be opened ({error.strerror}), so that nobody knows who else writes there.") from error
    with opened as file:
        try:
            fcntl.flock(file, how)
        except BlockingIOError:
            yield False
            return
        yield True
