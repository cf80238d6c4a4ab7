"""CSV files that are whole or not there: written aside, then renamed."""

from __future__ import annotations

import contextlib
import csv
import errno
from collections.abc import Iterable, Sequence
from pathlib import Path

from features.errors import HuitouError, OutOfSpace


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Write a table; returns its number of rows.

    Args:
        path: replaced atomically; its folder is made when absent.
        columns: the header.
        rows: values in the header's order; None becomes an empty field.

    Raises:
        OutOfSpace: the disk is full; what was at `path` is untouched.
        HuitouError: `path` is a folder, or cannot be written.
    """
    if path.is_dir():
        raise HuitouError(f"{path} is a folder; name a file in it.")
    try:
        return _replace(path, columns, rows)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise OutOfSpace(f"The disk that holds {path} is full; free some space and write it again.") from error
        raise HuitouError(f"{path} cannot be written ({error.strerror}); name another file.") from error


def _replace(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.writing")
    count = 0
    try:
        with aside.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            for row in rows:
                writer.writerow(row)
                count += 1
        aside.replace(path)
    finally:
        # Where the folder cannot be written, neither can this; the first error is the one to tell.
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
    return count
