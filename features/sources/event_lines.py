"""Files of events, one to a line: JSON Lines, plain or packed with gzip; each line a Segment envelope or a CloudEvent."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from features.errors import HuitouError
from features.sources.incoming import Refused

_GZIP = b"\x1f\x8b"
LONGEST = 1_048_576  # bytes of a line; four times what is kept of one event's properties
_MARK = b"\xef\xbb\xbf"  # some editors begin a UTF-8 file with it


@dataclass(frozen=True)
class Line:
    """One line of a file.

    Attributes:
        number: from 1.
        text: as it stands, cut where it is too long; bytes that are no UTF-8 shown as such.
        message: its JSON; None where it was refused.
        refused: why it cannot be read, or None.
    """

    number: int
    text: str
    message: object
    refused: Refused | None = None


def read_lines(path: Path, *, at: list[int] | None = None) -> Iterator[Line]:
    """Go through a file, holding one line at a time; empty lines are passed over.

    Args:
        path: of the file.
        at: told, in its only element, how many bytes of the file have been read.

    Raises:
        HuitouError: the file is not there or cannot be read, or its gzip data are cut off; the lines before that were given.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == _GZIP
            raw.seek(0)
            with gzip.open(raw) if packed else raw as file:
                yield from _lines(file, raw, at)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise HuitouError(f"{path}: the gzip data are damaged or cut off; the lines before that were taken.") from error
    except OSError as error:
        raise HuitouError(f"{path}: {error.strerror or error}.") from error


def _lines(file: IO[bytes] | gzip.GzipFile, raw: IO[bytes], at: list[int] | None) -> Iterator[Line]:
    number = 0
    while line := file.readline(LONGEST + 1):
        number += 1
        if number == 1:
            line = line.removeprefix(_MARK)
        if len(line) > LONGEST:
            yield _too_long(number, line, file)
        elif line.strip():
            yield _read(number, line)
        if at is not None:
            at[0] = raw.tell()


def _too_long(number: int, line: bytes, file: IO[bytes] | gzip.GzipFile) -> Line:
    rest = line
    while rest and not rest.endswith(b"\n"):
        rest = file.readline(LONGEST)
    return Line(number, line[:200].decode("utf-8", "replace"), None, Refused("line", f"is longer than {LONGEST:,} bytes"))


def _read(number: int, line: bytes) -> Line:
    try:
        text = line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        shown = line.decode("utf-8", "replace").rstrip("\r\n")
        return Line(number, shown, None, Refused("line", f"is not UTF-8 at byte {error.start + 1}"))
    try:
        return Line(number, text, json.loads(text))
    except RecursionError:
        return Line(number, text, None, Refused("line", "is nested too deep"))
    except ValueError as error:
        return Line(number, text, None, Refused("line", f"is not JSON: {error}"))
