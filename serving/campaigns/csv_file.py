"""CSV files that are whole or not there: written aside, then renamed."""

from __future__ import annotations

import csv
import errno
from collections.abc import Iterable, Sequence
from pathlib import Path

from features.errors import OutOfSpace


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Write a table; returns its number of rows.

    Args:
        path: replaced atomically; its folder is made when absent.
        columns: the header.
        rows: values in the header's order; None becomes an empty field.

    Raises:
        OutOfSpace: the disk is full; what was at `path` is untouched.
    """
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
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise OutOfSpace(f"The disk that holds {path} is full; free some space and write it again.") from error
        raise
    finally:
        aside.unlink(missing_ok=True)
    return count
