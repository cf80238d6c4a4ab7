"""Proposes which column of a file is which field: by its name, by a similar name, and for times and numbers by what it holds."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from features.errors import SourceUnreadable
from features.sources.tabular.kinds import Field, Kind
from features.sources.tabular.mapping import Meaning, Part, Reading
from features.sources.tabular.order_totals import order_totals
from features.sources.tabular.raw_file import RawFile
from features.sources.tabular.values import decimal_sign, identifier, numbers, time_formats

_SIMILAR = 0.84  # difflib ratio: customer_nr ~ customerno, but not order_id ~ older
_HOLDS = 0.5  # share of a column's values that must fit the field's type
_SAMPLE_ROWS = 20_000
_FREE_TEXT = ("note", "comment", "remark", "备注", "留言")  # a customer note is no customer number
# Names that mean something else beside another column: Shopify writes the order's number as "Name" and its total beside the lines' prices.
_BESIDE = {"lineitemname": {"name": "order_id", "total": None}}
_REFUND_SHARE = 0.8  # of the lines with a negative quantity
_CODED_SHARE = 0.95  # of the lines: from then on a product code without a digit looks like a charge


_TOTALS = {
    "beside prices": "a line's amount is its price times its quantity",
    "alone": 'it is divided among the order\'s lines by quantity (amount_of = "line" in the mapping if that is wrong)',
}


@dataclass(frozen=True)
class Guess:
    """A proposal.

    Attributes:
        part: the mapping of the kind.
        how: field → why this column, for people.
        unused: columns that nothing reads.
        notes: what a person should look at.
    """

    part: Part
    how: dict[str, str]
    unused: tuple[str, ...]
    notes: tuple[str, ...]


def guess(kind: Kind, file: RawFile, path: Path) -> Guess:
    """Propose a mapping for a file.

    Raises:
        SourceUnreadable: a required column is not found; names the nearest ones.
    """
    sample = file.rows.head(_SAMPLE_ROWS)
    columns, how = _by_position(kind, file, path) if file.unnamed else ({}, {})
    if not columns:
        columns, how = _by_name(kind, sample, file.columns)
        _by_content(kind, sample, file.columns, columns, how)
    check_columns(kind, Part(columns=columns), file, path)
    totals = order_totals(file.rows, columns) if kind.name == "orders" else None
    dropped = columns.pop("amount") if totals == "beside prices" else None
    meaning, notes = _meaning(kind, file, columns, path)
    if totals is not None:
        notes.append(f"{dropped or columns['amount']} is the total of an order, not of a line: " + _TOTALS[totals])
        meaning = meaning.model_copy(update={"amount_of": "line" if dropped else "order"})
    reading = _reading(kind, file, columns, notes)
    unused = tuple(c for c in file.columns if c not in columns.values())
    return Guess(Part(columns=columns, reading=reading, meaning=meaning), how, unused, tuple(notes))


def check_columns(kind: Kind, part: Part, file: RawFile, path: Path) -> None:
    """Refuse a file that lacks what the kind or its mapping needs.

    Raises:
        SourceUnreadable: names the column, the nearest names and the remedy.
    """
    for field, column in part.columns.items():
        if column not in file.columns:
            raise SourceUnreadable(
                f"{path} lacks the column {column!r}, which the mapping gives for {field}; {_nearest(column, file.columns)}. "
                f"Correct [{kind.name}.columns] in the mapping file, or give another with --mapping."
            )
    told = {*part.columns, *part.meaning.constants}
    for need in kind.fields:
        if need.required and need.name not in told:
            raise SourceUnreadable(
                f"{path} has no column for {need.name}, which {kind.name} need; {_nearest(need.name, file.columns, need)}. "
                f'Write e.g. {need.name} = "NAME OF THE COLUMN" under [{kind.name}.columns] into the mapping file.'
            )
    for group in kind.any_of:
        if not told & set(group):
            raise SourceUnreadable(f"{path} needs a column for one of {', '.join(group)}; it has {', '.join(file.columns)}.")


def _nearest(name: str, columns: list[str], field: Field | None = None) -> str:
    wanted = [_bare(name), *(field.names if field else ())]
    scored = sorted(columns, key=lambda c: -max(difflib.SequenceMatcher(None, _bare(c), w).ratio() for w in wanted))
    shown = ", ".join(repr(c) for c in scored[:3])
    return f"nearest: {shown} (of {len(columns)} columns: {', '.join(columns)[:200]})"


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", re.sub(r"[(（]元[)）]$", "", name.strip())).lower()


def _by_name(kind: Kind, sample: pl.DataFrame, columns: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    scores = []
    bares = {_bare(c) for c in columns}
    special = {
        name: meant for beside, names in _BESIDE.items() if kind.name == "orders" and beside in bares for name, meant in names.items()
    }
    for place, field in enumerate(kind.fields):
        known = (_bare(field.name), *(_bare(n) for n in field.names))
        for column in columns:
            bare = _bare(column)
            if bare in special:
                ratio = 2.0 if special[bare] == field.name else 0.0
            elif bare in known:
                # A column without a value serves only where no other does.
                ratio = 2.0 - known.index(bare) / 100 if sample[column].null_count() < sample.height else 1.0
            elif sample[column].null_count() == sample.height or any(word in bare for word in _FREE_TEXT):
                continue
            else:
                ratio = max(difflib.SequenceMatcher(None, bare, k).ratio() for k in known)
            if ratio >= _SIMILAR and _fits(field, sample[column]):
                scores.append((ratio, -place, field.name, column))
    chosen: dict[str, str] = {}
    how: dict[str, str] = {}
    for ratio, _, field_name, column in sorted(scores, reverse=True):
        if field_name not in chosen and column not in chosen.values():
            chosen[field_name] = column
            how[field_name] = "by its name" if ratio >= 1 else "by a similar name"
    return {f.name: chosen[f.name] for f in kind.fields if f.name in chosen}, how


def _by_content(kind: Kind, sample: pl.DataFrame, columns: list[str], chosen: dict[str, str], how: dict[str, str]) -> None:
    # Only a time can be told by what it holds: of numbers and ids every file has several.
    for field in kind.fields:
        free = [c for c in columns if c not in chosen.values()]
        if field.required and field.type == "time" and field.name not in chosen:
            found = [c for c in free if sample[c].dtype.is_temporal() or _written_time(sample[c])]
            if len(found) == 1:
                chosen[field.name] = found[0]
                how[field.name] = "the only column of times"


def _written_time(column: pl.Series) -> bool:
    values = column.drop_nulls()
    if values.is_empty() or values.dtype.is_numeric() or not values.cast(pl.String).str.contains(r"\d[-/.年]\d").mean():
        return False
    return bool(time_formats(values)[0])


def _fits(field: Field, column: pl.Series) -> bool:
    values = column.drop_nulls()
    if values.is_empty() or field.type in {"id", "text", "flag"}:
        return True
    if field.type == "time":
        return values.dtype.is_temporal() or bool(time_formats(values)[0])
    return len(numbers(values, None).drop_nulls()) >= _HOLDS * len(values)


def _by_position(kind: Kind, file: RawFile, path: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Pairs of ids without a header, as published sets have them."""
    if len(file.columns) != 2 or kind.name not in {"interactions", "bundles"}:
        return {}, {}
    second = "bundle_id" if kind.name == "interactions" and "bundle" in path.stem.lower() else "product_id"
    first = "customer_id" if kind.name == "interactions" else "bundle_id"
    how = "no header: the first column"
    return {first: "column_1", second: "column_2"}, {first: how, second: how.replace("first", "second")}


def _meaning(kind: Kind, file: RawFile, columns: dict[str, str], path: Path) -> tuple[Meaning, list[str]]:
    notes: list[str] = []
    if kind.name == "interactions" and "type" not in columns:
        notes.append('no column says what was done: every row counts as type "interaction"')
        return Meaning(constants={"type": "interaction"}, duplicates="quarantine"), notes
    if kind.name == "experiments" and "experiment_id" not in columns:
        alike = "quarantine" if "customer_id" in columns else "keep"  # without ids, equal rows are two customers
        return Meaning(constants={"experiment_id": path.name.split(".")[0]}, duplicates=alike), notes
    if kind.name != "orders":
        return Meaning(), notes
    if "amount" not in columns and "unit_price" not in columns:
        notes.append("no column of amounts or prices: every amount is 0, and nothing can be said in money")
    keep = "order_id" not in columns and "product_id" not in columns
    if keep:
        notes.append("no order ids and no products: equal lines are purchases of the same moment and are kept")
    prefix = _refund_prefix(file.rows, columns)
    if prefix:
        notes.append(f"order ids that begin with {prefix!r} are cancellations: they take back earlier sales")
    charges = _charges(file.rows, columns)
    if charges:
        notes.append(
            f"{len(charges)} product code(s) without a digit look like charges and are never recommended: {', '.join(charges[:8])}"
        )
    return Meaning(refund_prefix=prefix, duplicates="keep" if keep else "quarantine", charges=charges), notes


def _reading(kind: Kind, file: RawFile, columns: dict[str, str], notes: list[str]) -> Reading:
    """What later files of the kind are to be read with: a small one could not tell day from month by itself."""
    formats: list[str] = []
    commas = False
    for field, column in columns.items():
        if kind.field(field).type == "time":
            found, note = time_formats(file.rows[column])
            formats.extend(f for f in found if f not in formats)
            notes.extend([f"{column}: {note}"] if note else [])
        elif kind.field(field).type == "number" and file.rows.schema[column] == pl.String:
            commas = commas or decimal_sign(file.rows[column]) == ","
    return Reading(time_formats=tuple(formats), decimal="," if commas else None)


def _refund_prefix(rows: pl.DataFrame, columns: dict[str, str]) -> str:
    if not {"order_id", "quantity"} <= columns.keys():
        return ""
    frame = pl.DataFrame({"id": identifier(rows, columns["order_id"]), "quantity": numbers(rows[columns["quantity"]], None)})
    first = pl.col("id").str.extract(r"^([^\d\s])")
    back = frame.filter(pl.col("quantity") < 0).select(first).to_series().drop_nulls()
    letter = str(back.mode().sort()[0]) if len(back) else ""
    if not letter:
        return ""
    begins = pl.col("id").str.starts_with(letter).fill_null(value=False)
    negative = frame.filter(pl.col("quantity") < 0).select(begins.mean()).item()
    positive = frame.filter(pl.col("quantity") > 0).select(begins.mean()).item() or 0.0
    return letter if negative >= _REFUND_SHARE and positive < 0.01 else ""


def _charges(rows: pl.DataFrame, columns: dict[str, str]) -> tuple[str, ...]:
    if "product_id" not in columns:
        return ()
    codes = identifier(rows, columns["product_id"]).drop_nulls()
    if codes.is_empty() or float(codes.str.contains(r"\d").mean() or 0) < _CODED_SHARE:  # type: ignore[arg-type]
        return ()
    counted = codes.filter(~codes.str.contains(r"\d")).value_counts(sort=True)
    return tuple(counted.to_series(0).to_list()[:50])
