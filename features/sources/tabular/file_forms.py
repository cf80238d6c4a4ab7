"""Opens a file by what it is (Parquet, Excel, delimited text), whatever its name says."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from features.errors import SourceUnreadable
from features.sources.tabular.mapping import Reading
from features.sources.tabular.raw_file import LINE, RawFile
from features.sources.tabular.text_file import Tell, read_text

_PARQUET = b"PAR1"
_ZIP = b"PK\x03\x04"
_TITLES = 10  # rows looked at for the header
_TITLE_SHARE = 0.5  # a first row that fills fewer of the columns is a title
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"


def read_file(path: Path, reading: Reading, tell: Tell = lambda _: None) -> RawFile:
    """Read a file whole.

    Args:
        path: CSV and its kin (gzip too), Parquet or Excel.
        reading: what the mapping says of it.
        tell: told the progress.

    Raises:
        SourceUnreadable: it is missing, empty, truncated or of no known form.
    """
    if not path.is_file():
        raise SourceUnreadable(f"{path} is no file.")
    if path.stat().st_size == 0:
        raise SourceUnreadable(f"{path} is empty.")
    with path.open("rb") as file:
        head = file.read(4)
    tell(f"reading {path.name}")
    if head == _PARQUET or path.suffix.lower() == ".parquet":
        return _numbered(path, _parquet(path), "Parquet", first_line=1)
    if head in {_ZIP, _OLD_EXCEL}:
        frame, top = _excel(path, reading.sheet)
        return _numbered(path, frame, "Excel" if not top else f"Excel, header in row {top + 1}", first_line=top + 2)
    return read_text(path, reading, tell)


def _parquet(path: Path) -> pl.DataFrame:
    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise SourceUnreadable(
            f"{path} cannot be read as Parquet, it may be truncated; fetch or write it again ({_brief(error)})."
        ) from error
    nested = [name for name, dtype in frame.schema.items() if dtype.is_nested() or dtype == pl.Binary]
    return frame.drop(nested)


def _excel(path: Path, sheet: str | None) -> tuple[pl.DataFrame, int]:
    import fastexcel

    try:
        # Every cell as text: a column of numbers with one word in it keeps the word.
        book = fastexcel.read_excel(path)
        chosen = sheet if sheet is not None else book.sheet_names[0]
        top = _header_row(pl.DataFrame(book.load_sheet(chosen, header_row=None, n_rows=_TITLES, dtypes="string").to_polars()))
        frame = pl.DataFrame(book.load_sheet(chosen, header_row=top, dtypes="string").to_polars())
        return frame.with_columns(pl.col(pl.String).str.strip_chars().replace("", None)), top
    except (OSError, ValueError, fastexcel.FastExcelError) as error:
        raise SourceUnreadable(f"{path} cannot be read as an Excel workbook, it may be truncated ({_brief(error)}).") from error


def _header_row(top: pl.DataFrame) -> int:
    """Place of the first row that fills as many columns as any: what stands above it (a title, a date) is no header."""
    filled = [sum(1 for value in row if value is not None and value.strip()) for row in top.iter_rows()]
    return next((i for i, count in enumerate(filled) if count == max(filled) and filled[0] < _TITLE_SHARE * count), 0)


def _numbered(path: Path, frame: pl.DataFrame, form: str, *, first_line: int) -> RawFile:
    if frame.is_empty():
        raise SourceUnreadable(f"{path} holds no row.")
    if LINE in frame.columns:  # a quarantine file: its lines count where they came from
        numbered = frame.with_columns(pl.col(LINE).cast(pl.Int64, strict=False))
    else:
        numbered = frame.with_columns(pl.int_range(first_line, pl.len() + first_line, dtype=pl.Int64).alias(LINE))
    blank = pl.all_horizontal(pl.exclude(LINE).is_null())
    return RawFile(path.name, numbered.filter(~blank), form)


def _brief(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__
