from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import polars as pl
import pytest

from features.errors import OutOfSpace, StateBroken
from features.room import room_on


def sqlite_error(name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorname = name
    return error


FULL = [
    OSError(errno.ENOSPC, "No space left on device"),
    sqlite3.OperationalError("database or disk is full"),
    sqlite_error("SQLITE_IOERR_SHMSIZE"),
    pl.exceptions.ComputeError("No space left on device (os error 28)"),
]


@pytest.mark.parametrize("error", FULL, ids=repr)
def test_a_full_disk_is_told_as_one(error: Exception, tmp_path: Path) -> None:
    with pytest.raises(OutOfSpace, match="is full"), room_on(tmp_path):
        raise error


@pytest.mark.parametrize("error", [OSError(errno.EIO, "broken"), sqlite_error("SQLITE_IOERR_READ"), StateBroken("disk is full")], ids=repr)
def test_everything_else_stays_what_it_is(error: Exception, tmp_path: Path) -> None:
    with pytest.raises(type(error)) as found, room_on(tmp_path):
        raise error
    assert found.value is error
