"""A full disk is told as one: the system, SQLite, Polars and DuckDB each raise an error of their own, and only the sentence tells."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from features.errors import HuitouError, OutOfSpace

# A limit on a file's size shows as a failed write, and room that is lacking for the shared-memory file beside the log as the last one.
SQLITE_NO_ROOM = frozenset({"SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE"})


def is_full(error: BaseException) -> bool:
    """Whether an error, of whichever library, says that there is no room."""
    if getattr(error, "sqlite_errorname", None) in SQLITE_NO_ROOM:
        return True
    text = str(error)
    return getattr(error, "errno", None) == errno.ENOSPC or os.strerror(errno.ENOSPC) in text or "disk is full" in text


@contextlib.contextmanager
def room_on(place: Path) -> Iterator[None]:
    """Write below a folder; what was half done is to be done again.

    Raises:
        OutOfSpace: the disk is full.
    """
    try:
        yield
    except HuitouError:
        raise  # says already what it is
    except Exception as error:
        if not is_full(error):
            raise
        raise OutOfSpace(f"The disk that holds {place} is full; free some space: what was begun is then done again.") from error
