"""How a text file is written: encoding, delimiter, header; found out from its beginning."""

from __future__ import annotations

import codecs
import contextlib
import csv
import gzip
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from charset_normalizer import from_bytes

from features.errors import SourceUnreadable
from features.sources.tabular.mapping import Reading

SAMPLE_BYTES = 1 << 18  # enough for a few thousand lines
WHITESPACE = "whitespace"
_DELIMITERS = (",", ";", "\t", "|", "^", "~", WHITESPACE)
_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_LIKELY = ("utf_8", "gb18030", "big5", "cp1252", "shift_jis", "cp949", "cp1251", "utf_16")
_NUMBER = re.compile(r"^[-+]?[\d.,:/ -]+$")
_PAIRED = 0.95  # share of high bytes beside another
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class TextForm:
    """How to read a text file.

    Attributes:
        encoding: Python's name.
        delimiter: one character, or "whitespace".
        header: names in the first line.
    """

    encoding: str
    delimiter: str
    header: bool

    @property
    def told(self) -> str:
        """For people."""
        shown = {"\t": "tab", WHITESPACE: "blanks"}.get(self.delimiter, f"'{self.delimiter}'")
        return f"text, {shown}, {self.encoding}{'' if self.header else ', no header'}"


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file, unpacking gzip whatever its name."""
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]


def find_form(path: Path, reading: Reading) -> TextForm:
    """Find out what the mapping does not say.

    Raises:
        SourceUnreadable: the file is empty, is no text, or no delimiter splits it.
    """
    try:
        with open_bytes(path) as file:
            sample = file.read(SAMPLE_BYTES)
    except (OSError, EOFError) as error:
        raise SourceUnreadable(f"{path} cannot be read ({error}); is it truncated?") from error
    if not sample.strip():
        raise SourceUnreadable(f"{path} is empty.")
    encoding = reading.encoding or _encoding(path, sample)
    try:
        text = sample.decode(encoding, errors="ignore")
    except LookupError as error:
        raise SourceUnreadable(f"{path}: {encoding!r} is no encoding; write e.g. utf-8, gb18030 or cp1252 into the mapping.") from error
    lines = text.splitlines()
    if len(sample) == SAMPLE_BYTES:
        lines = lines[:-1]  # the last one is cut by the sample
    delimiter = _delimiter(path, lines, reading.delimiter)
    header = _has_header(lines[0], delimiter) if reading.header is None else reading.header
    return TextForm(encoding, delimiter, header)


def split(lines: Iterator[str] | io.TextIOBase, delimiter: str) -> Any:  # noqa: ANN401 - csv keeps its reader's type to itself
    """A csv reader over lines; runs of blanks count as one delimiter where blanks delimit."""
    if delimiter == WHITESPACE:
        stripped = (" ".join(line.split()) + "\n" for line in lines)
        return csv.reader(stripped, delimiter=" ")
    return csv.reader(lines, delimiter=delimiter)


def _encoding(path: Path, sample: bytes) -> str:
    for mark, name in _BYTE_ORDER_MARKS:
        if sample.startswith(mark):
            return name
    if b"\0" in sample:
        raise SourceUnreadable(f"{path} is no text, Parquet or Excel file (it holds zero bytes).")
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(sample) - 4:  # otherwise the sample only cut a character
            return _foreign_encoding(path, sample)
    return "utf-8"


def _foreign_encoding(path: Path, sample: bytes) -> str:
    high = [i for i, byte in enumerate(sample) if byte >= 0x80]
    neighbours = set(high)
    paired = sum(1 for i in high if i + 1 in neighbours or i - 1 in neighbours)
    if paired < len(high) / 2:
        # Letters with accents stand alone between plain ones; no detector tells the Western code pages apart better than their superset.
        return "cp1252"
    # Chinese as GBK writes its common characters: pairs of high bytes. Detectors take short Chinese texts for Korean ones, whose bytes are
    # the same; here the former are the likelier. Whoever writes Korean says so in the mapping.
    with contextlib.suppress(UnicodeDecodeError):
        if paired >= len(high) * _PAIRED:
            codecs.getincrementaldecoder("gb18030")().decode(sample)
            return "gb18030"
    found = from_bytes(sample[: 1 << 16], cp_isolation=list(_LIKELY)).best()
    if found is None:
        raise SourceUnreadable(f"{path}: its encoding cannot be told; write `encoding` into [….reading] of the mapping, e.g. gb18030.")
    return str(found.encoding)


def _delimiter(path: Path, lines: list[str], wanted: str | None) -> str:
    lines = [line for line in lines[:500] if line.strip()]
    widths = {d: _width(lines, d) for d in _DELIMITERS}
    best = max(_DELIMITERS[:-1], key=lambda d: widths[d][0] * widths[d][1])
    if widths[best][0] < 2 or widths[best][1] < 0.8:  # blanks stand inside values too: only where no sign delimits
        best = WHITESPACE if widths[WHITESPACE][0] >= 2 and widths[WHITESPACE][1] >= 0.95 else best
    if wanted is None:
        if widths[best][0] < 2:
            raise SourceUnreadable(
                f"{path}: no delimiter splits its lines into columns (first line: {lines[0][:60]!r}); is it wrongly delimited? "
                "Write `delimiter` into [….reading] of the mapping."
            )
        return best
    if widths.get(wanted, _width(lines, wanted))[0] < 2 <= widths[best][0]:
        raise SourceUnreadable(f"{path} is wrongly delimited: the mapping says {wanted!r}, but {best!r} is what splits its lines.")
    return wanted


def _width(lines: list[str], delimiter: str) -> tuple[int, float]:
    """Most frequent number of fields and its share of the lines."""
    try:
        counts = Counter(len(row) for row in split(iter(lines), delimiter))
    except csv.Error:
        return 1, 0.0
    width, often = counts.most_common(1)[0]
    return width, often / sum(counts.values())


def _has_header(first: str, delimiter: str) -> bool:
    fields = next(split(iter([first]), delimiter))
    return not any(_NUMBER.match(field.strip()) for field in fields)
