"""Files of pairs: `user item` a line, or a user a line followed by all their items."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from training.studies.study import StudyRefused

_SEPARATOR = re.compile(r"[\s,;]+")
_HEADER = (re.compile(r"user|customer|member|client|bundle|uid", re.IGNORECASE), re.compile(r"item|product|bundle|sku|iid", re.IGNORECASE))
_SHOWN = 60  # characters of a bad line in an error


@dataclass(frozen=True)
class PairFile:
    """What one file says.

    Attributes:
        path: of the file.
        left, right: ids as written, one entry a pair.
        lines: the line each pair stands on, counted from 1.
        notes: what was odd.
    """

    path: Path
    left: list[str]
    right: list[str]
    lines: list[int]
    notes: list[str]

    def matrix(self, rows: Names, columns: Names) -> sparse.csr_matrix:
        """CSR of ones, float32; pairs of which one id is not among the names are left out, and doubled pairs are one."""
        row, column = rows.places(self.left), columns.places(self.right)
        known = (row >= 0) & (column >= 0)
        shape = (len(rows.ids), len(columns.ids))
        pairs = sparse.csr_matrix((np.ones(int(known.sum()), np.float32), (row[known], column[known])), shape=shape)
        pairs.sum_duplicates()
        pairs.data[:] = 1.0
        return pairs


class Names:
    """Ids in a fixed order: by number where all are whole numbers, else by their characters.

    Attributes:
        ids: sorted, each once.
    """

    def __init__(self, ids: Iterable[str]) -> None:
        every = set(ids)
        by_number = all(name.isdecimal() for name in every)
        self.ids = sorted(every, key=(lambda name: (int(name), name)) if by_number else None)
        self._place = {name: place for place, name in enumerate(self.ids)}

    def places(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """Position of each id, -1 where it is none of these."""
        return np.fromiter((self._place.get(name, -1) for name in ids), np.int64, len(ids))


def read_pairs(path: Path, *, lists: bool) -> PairFile:
    """Read a file of pairs.

    Ids are text and compared as such. Fields are separated by white space, commas or semicolons; blank lines, `#` comments and one line of
    column names are passed over.

    Args:
        path: text, also gzipped.
        lists: whether a line may hold a user followed by any number of items. A file is read so when every user has one line and some
            line does not hold exactly two ids.

    Raises:
        StudyRefused: no such file, no text, no pair in it, or a malformed line.
    """
    rows = list(_fields(path))
    notes = []
    if _is_header(rows):
        notes.append(f"{path.name}: line {rows[0][0]} was taken for column names.")
        rows = rows[1:]
    as_lists = lists and any(len(fields) != 2 for _, fields in rows) and len({fields[0] for _, fields in rows}) == len(rows)
    if not as_lists:
        _check_pairs(path, rows, lists=lists)
    left = [fields[0] for _, fields in rows for _ in fields[1:]]
    right = [field for _, fields in rows for field in fields[1:]]
    lines = [number for number, fields in rows for _ in fields[1:]]
    if not right:
        raise StudyRefused(f"{path}: there is no pair in it; every split needs at least one.")
    doubled = len(right) - len(set(zip(left, right, strict=True)))
    if doubled:
        notes.append(f"{path.name}: {doubled:,} pairs stand there more than once and count once.")
    return PairFile(path, left, right, lines, notes)


def refuse_leak(later: PairFile, earlier: PairFile) -> None:
    """Refuse pairs that stand in two splits.

    Raises:
        StudyRefused: names the first such pair with both its lines.
    """
    seen = dict(zip(zip(earlier.left, earlier.right, strict=True), earlier.lines, strict=True))
    both = [(pair, line) for pair, line in zip(zip(later.left, later.right, strict=True), later.lines, strict=True) if pair in seen]
    if both:
        pair, line = both[0]
        raise StudyRefused(
            f"{later.path}, line {line}: the pair {pair[0]} {pair[1]} stands in {earlier.path}, line {seen[pair]}, too "
            f"({len(both):,} such pairs in all). What a model is judged by it must not have seen: remove them from one of the files."
        )


def _fields(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8-sig") if path.suffix == ".gz" else path.open(encoding="utf-8-sig") as text:
            for number, line in enumerate(text, 1):
                bare = line.strip()
                if bare and bare[0] != "#":
                    yield number, [field.strip("\"'") for field in _SEPARATOR.split(bare)]
    except (FileNotFoundError, IsADirectoryError) as error:
        raise StudyRefused(f"{path}: there is no such file.") from error
    except (UnicodeDecodeError, gzip.BadGzipFile, EOFError) as error:
        raise StudyRefused(f"{path}: is not UTF-8 text ({error}).") from error


def _is_header(rows: Sequence[tuple[int, list[str]]]) -> bool:
    """Whether the first line names columns.

    Either it says so, holds no digit, and its first word does not come back as an id; or it is two words above numbers only.
    """
    first = rows[0][1] if rows else []
    rest = [field for _, fields in rows[1:] for field in fields]
    if len(first) == 2 and rest and all(map(str.isalpha, first)) and all(map(str.isdecimal, rest)):
        return True
    if len(first) != 2 or not all(word.search(field) for word, field in zip(_HEADER, first, strict=True)):
        return False
    return not any(character.isdigit() for field in first for character in field) and all(fields[0] != first[0] for _, fields in rows[1:])


def _check_pairs(path: Path, rows: Sequence[tuple[int, list[str]]], *, lists: bool) -> None:
    for number, fields in rows:
        if len(fields) != 2 or not all(fields):
            shown = " ".join(fields)[:_SHOWN]
            remedy = " Ratings and dates are not read: keep the first two columns." if len(fields) in {3, 4} else ""
            form = "; since users come back on other lines it is no file of one user a line" if lists else ""
            raise StudyRefused(f"{path}, line {number}: expected two ids, found {len(fields)} in {shown!r}{form}.{remedy}")
