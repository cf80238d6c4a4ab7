"""Rows as the mapping reads them, sorted into good ones and malformed ones; every malformed one has its column and reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from features.sources.tabular.kinds import Field, Kind
from features.sources.tabular.mapping import Part
from features.sources.tabular.raw_file import LINE, RawFile
from features.sources.tabular.values import flags, identifier, numbers, text, time_formats, times

FAULTS = {LINE: pl.Int64, "column": pl.String, "reason": pl.String}
UNSPLIT = "not as many columns as the header"


@dataclass(frozen=True)
class Checked:
    """A file's rows after the checks.

    Attributes:
        rows: one typed column per field of the kind (null where the file has none), and `huitou_line`.
        faults: `huitou_line`, `column`, `reason`; one row per fault, several a line where several are wrong.
    """

    rows: pl.DataFrame
    faults: pl.DataFrame


def check_rows(kind: Kind, part: Part, file: RawFile, now: datetime) -> Checked:
    """Parse every mapped column and set malformed rows aside.

    Args:
        kind: what the file holds.
        part: its mapping.
        file: as read.
        now: when the import runs, UTC: later times are impossible.
    """
    raw = file.rows
    typed = raw.select(LINE)
    faults = [_unsplit(file)]
    for field in kind.fields:
        values, wrong = _field(field, part, raw, now)
        typed = typed.with_columns(values.alias(field.name))
        faults.extend(_fault(raw, mask, part.columns.get(field.name, field.name), reason) for mask, reason in wrong)
    if kind.name == "experiments":
        typed = typed.with_columns(_traits(part, file).alias("traits"))
    bad = pl.concat(faults)
    good = typed.join(bad.select(LINE), on=LINE, how="anti")
    if part.meaning.duplicates == "quarantine" and part.columns:
        good, repeated = _without_duplicates(good)
        bad = pl.concat([bad, repeated])
    return Checked(good, bad)


def _field(field: Field, part: Part, raw: pl.DataFrame, now: datetime) -> tuple[pl.Series, list[tuple[pl.Series, str]]]:
    column = part.columns.get(field.name)
    if column is None:
        return _constant(field, part, raw.height), []
    source = raw[column]
    given = source.is_not_null()
    wrong: list[tuple[pl.Series, str]] = []
    if field.type == "id":
        values = identifier(raw, column)
    elif field.type == "text":
        values = raw.select(text(pl.col(column), raw.schema[column])).to_series()
    elif field.type == "time":
        values = times(source, part.reading.time_formats or time_formats(source)[0], part.reading.time_zone)
        wrong.append((given & values.is_null(), "not a date or time"))
        earliest = datetime.fromisoformat(part.reading.earliest).replace(tzinfo=UTC)
        impossible = (values < earliest) | (values > now + timedelta(days=1))
        wrong.append((impossible.fill_null(value=False), f"impossible time (before {earliest:%Y} or in the future)"))
    elif field.type == "number":
        values = numbers(source, part.reading.decimal)
        wrong.append((given & values.is_null(), "not a number"))
        if field.least is not None:
            wrong.append(((values < field.least).fill_null(value=False), f"below {field.least:g}"))
    else:
        values = flags(source)
        wrong.append((given & values.is_null(), "neither yes nor no"))
    if field.filled:
        wrong.append((~given, "no value"))
    return values, [(mask, reason) for mask, reason in wrong if mask.any()]


def _constant(field: Field, part: Part, height: int) -> pl.Series:
    dtypes: dict[str, pl.DataType | type[pl.DataType]] = {
        "id": pl.String,
        "text": pl.String,
        "time": pl.Datetime("us", "UTC"),
        "number": pl.Float64,
        "flag": pl.Boolean,
    }
    value = part.meaning.constants.get(field.name)
    return pl.Series(field.name, [value], dtype=pl.String).cast(dtypes[field.type]).new_from_index(0, height)


def _fault(raw: pl.DataFrame, mask: pl.Series, column: str, reason: str) -> pl.DataFrame:
    lines = raw.filter(mask).select(LINE)
    return lines.with_columns(pl.lit(column).alias("column"), pl.lit(reason).alias("reason"))


def _traits(part: Part, file: RawFile) -> pl.Series:
    """What else an experiment's file says of a customer, as a JSON object."""
    others = [c for c in file.columns if c not in part.columns.values()]
    if not others:
        return pl.Series("traits", [None], dtype=pl.String).new_from_index(0, file.rows.height)
    return file.rows.select(pl.struct(others).struct.json_encode()).to_series()


def _unsplit(file: RawFile) -> pl.DataFrame:
    rows = [(broken.line, "", broken.reason if broken.reason.startswith("bytes") else UNSPLIT) for broken in file.broken]
    return pl.DataFrame(rows, schema=FAULTS, orient="row")


def _without_duplicates(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    first = rows.select(pl.struct(pl.exclude(LINE)).is_first_distinct()).to_series()
    repeated = rows.filter(~first).select(LINE, pl.lit("").alias("column"), pl.lit("duplicate of an earlier line").alias("reason"))
    return rows.filter(first), repeated
