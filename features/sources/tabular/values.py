"""Text into times, numbers, ids and flags; what cannot be read becomes null and is quarantined by `checks`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import polars as pl

# Families of the same order of day, month and year: formats of one family may stand in one column, of two never.
_DATES = (
    ("%Y-%m-%d",), ("%Y/%m/%d",), ("%Y.%m.%d",), ("%Y%m%d",), ("%Y年%m月%d日",),
    ("%d/%m/%Y",), ("%m/%d/%Y",), ("%d.%m.%Y",), ("%d-%m-%Y",), ("%m-%d-%Y",), ("%d/%m/%y",), ("%m/%d/%y",), ("%d.%m.%y",),
    ("%d %b %Y",), ("%d-%b-%Y",), ("%d-%b-%y",), ("%b %d, %Y", "%b %d, %Y,"), ("%b %d %Y",),
)  # fmt: skip
_CLOCKS = (
    "",
    " %H:%M:%S%.f",
    " %H:%M",
    "T%H:%M:%S%.f",
    "T%H:%M",
    " %I:%M:%S %p",
    " %I:%M %p",
    "%H%M%S",
    " %H:%M:%S%.f%z",
    "T%H:%M:%S%.f%z",
)
FAMILIES: tuple[tuple[str, ...], ...] = tuple(tuple(date + clock for date in family for clock in _CLOCKS) for family in _DATES)
EPOCHS = ("epoch_s", "epoch_ms")
_EPOCH_YEARS = (1980, 2100)  # a number is taken for seconds since 1970 only if it falls between them
_SAMPLE = 5_000
_CURRENCY = r"[\s\u00a0¥￥$€£₩₹元]|CNY|RMB|USD|EUR|GBP"
_TRUE = ("1", "true", "yes", "y", "t", "on", "是", "有", "1.0")
_CLOCK_SIGNS = frozenset("HI")  # of formats that hold a time of day
_FALSE = ("0", "false", "no", "n", "f", "off", "否", "无", "0.0")


def text(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Any column as trimmed text; a whole float such as 17850.0 loses its fraction (a number column with gaps became one)."""
    if dtype.is_float():
        whole = (column == column.round()) & (column.abs() < 2**53)
        return pl.when(whole).then(column.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(column.cast(pl.String))
    return column if dtype == pl.String else column.cast(pl.String)


def identifier(frame: pl.DataFrame, column: str) -> pl.Series:
    """Ids as text; where every one ends in ".0" that is the trace of a float column and goes."""
    ids = frame.select(text(pl.col(column), frame.schema[column])).to_series()
    known = ids.drop_nulls()
    if len(known) and known.str.contains(r"^\d+\.0$").all():
        ids = ids.str.strip_suffix(".0")
    return ids


def time_formats(column: pl.Series) -> tuple[tuple[str, ...], str | None]:
    """Formats that read the most of a column, the commonest first, and a note where day and month could be swapped.

    Returns:
        No format when fewer than half of the values are times.
    """
    if column.dtype.is_temporal():
        return (), None
    values = column.drop_nulls().cast(pl.String)
    sample = _clean_times(values.gather_every(max(len(values) // _SAMPLE, 1)))
    if sample.is_empty():
        return (), None
    read = {family: tuple(f for f in family if _parse(sample, f).is_not_null().any()) for family in FAMILIES}
    covered = {family: int(_parse_all(sample, formats).is_not_null().sum()) for family, formats in read.items() if formats}
    most = max(covered.values(), default=0)
    best = [read[family] for family, count in covered.items() if count == most]
    if most < len(sample) / 2:
        epochs = [epoch for epoch in EPOCHS if _parse(sample, epoch).is_not_null().mean() >= 0.5]  # type: ignore[operator]
        return tuple(epochs[:1]), None
    if len(best) == 1:
        return _by_use(sample, best[0]), None
    # Files mostly run forward in time: of two readings that both fit, the one with fewer steps back.
    backward = [_steps_back(sample, formats) for formats in best]
    chosen = best[backward.index(min(backward))]
    example = str(sample[0])
    shown = _parse_all(sample.head(1), chosen)[0]
    return _by_use(sample, chosen), f"{example} is read as {shown:%d %B %Y}: day and month could also be swapped"


def times(column: pl.Series, formats: Sequence[str], zone: str) -> pl.Series:
    """UTC times, microseconds; local times are those of `zone`, the earlier one where a clock change makes two."""
    if column.dtype == pl.Date:
        column = column.cast(pl.Datetime("us"))
    if isinstance(column.dtype, pl.Datetime):
        if column.dtype.time_zone is not None:
            return column.dt.convert_time_zone("UTC").cast(pl.Datetime("us", "UTC"))
        return _localised(column.cast(pl.Datetime("us")), zone)
    parsed = _clean_times(column.cast(pl.String))
    result = pl.Series(column.name, [None], dtype=pl.Datetime("us", "UTC")).new_from_index(0, len(parsed))
    for form in formats:
        read = _parse(parsed, form)
        moments = read if read.dtype == pl.Datetime("us", "UTC") else _localised(read, zone)
        result = result.fill_null(moments)
        if not result.null_count():
            break
    return result


def numbers(column: pl.Series, decimal: str | None) -> pl.Series:
    """Floats; currency signs, blanks and thousands separators are taken off; text, NaN and infinity become null."""
    if column.dtype.is_numeric():
        plain = column.cast(pl.Float64)
    else:
        plain = column.cast(pl.String).cast(pl.Float64, strict=False)
        if plain.null_count() > column.null_count() or decimal == ",":
            plain = _written_numbers(column.cast(pl.String), decimal or decimal_sign(column))
    return pl.select(pl.when(plain.is_finite()).then(plain)).to_series().alias(column.name)


def decimal_sign(column: pl.Series) -> str:
    """Comma where most numbers with a comma end in one or two digits behind it and none has a point."""
    values = column.drop_nulls().cast(pl.String)
    commas = values.str.contains(r",\d{1,2}\D*$").sum()
    points = values.str.contains(r"\.\d{1,2}\D*$").sum()
    return "," if commas > points else "."


def flags(column: pl.Series) -> pl.Series:
    """True and False in their usual spellings."""
    if column.dtype == pl.Boolean:
        return column
    words = pl.col("v").cast(pl.String).str.to_lowercase()
    told = pl.when(words.is_in(_TRUE)).then(statement=True).when(words.is_in(_FALSE)).then(statement=False)
    return column.alias("v").to_frame().select(told).to_series().alias(column.name)


def _written_numbers(column: pl.Series, decimal: str) -> pl.Series:
    bare = column.str.replace_all(_CURRENCY, "").str.replace_all(r"^\((.*)\)$", "-$1")
    thousands = "." if decimal == "," else ","
    # A separator counts only in front of three digits: "1,5" with a decimal point is no number, not 15.
    grouped = bare.str.replace_all(rf"[{thousands}](\d{{3}})", "$1")
    return (
        grouped.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
        if decimal == ","
        else grouped.cast(pl.Float64, strict=False)
    )


def _clean_times(values: pl.Series) -> pl.Series:
    # Python's and SQL's "2024-01-05 10:00:00+00", and Z, in the form that %z reads; ".0" of a float column goes.
    return values.str.replace(r"(\d)Z$", "$1+0000").str.replace(r"([+-]\d\d):?(\d\d)$", "$1$2").str.replace(r"^(\d{8,13})\.0$", "$1")


def _parse(values: pl.Series, form: str) -> pl.Series:
    if form in EPOCHS:
        numeric = values.cast(pl.Float64, strict=False)
        micros = numeric * (1_000_000 if form == "epoch_s" else 1_000)
        low, high = (datetime(year, 1, 1, tzinfo=UTC).timestamp() * 1_000_000 for year in _EPOCH_YEARS)
        kept = pl.select(pl.when((micros >= low) & (micros < high)).then(micros)).to_series()
        return kept.cast(pl.Int64).cast(pl.Datetime("us", "UTC"))
    if not _CLOCK_SIGNS.intersection(form):
        return values.str.to_date(form, strict=False).cast(pl.Datetime("us"))
    if "%z" in form:
        return values.str.to_datetime(form, strict=False, time_unit="us", time_zone="UTC")
    return values.str.to_datetime(form, strict=False, time_unit="us")


def _parse_all(values: pl.Series, formats: Sequence[str]) -> pl.Series:
    return times(values, formats, "UTC")


def _steps_back(values: pl.Series, formats: Sequence[str]) -> int:
    moments = _parse_all(values, formats).cast(pl.Int64)
    return int((moments.diff() < 0).sum())


def _by_use(values: pl.Series, formats: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(formats, key=lambda form: -int(_parse(values, form).is_not_null().sum())))


def _localised(column: pl.Series, zone: str) -> pl.Series:
    if zone == "UTC":
        return column.dt.replace_time_zone("UTC")
    return column.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
