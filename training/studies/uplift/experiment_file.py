"""An experiment's file: who was treated, what came of it, and what was known before.

Everything a table of an experiment can hold is a trait known before the treatment, except what the user says (arm, outcome, `ignore`) and
what cannot have been: columns that are outcomes themselves. Those are found and refused, not used in silence.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.errors import HuitouError
from features.sources.tabular.file_forms import read_file
from features.sources.tabular.mapping import Reading
from features.sources.tabular.raw_file import LINE
from features.sources.tabular.values import flags, numbers, text
from training.models.uplift.experiment import Experiment

_LEAST_IN_ARM = 100  # people: below, no fold of five holds enough to rank
_LEAST_RESPONDERS = 20  # in either arm: a decile curve of a fold needs a few
_MOST_LEVELS = 50  # commonest categories kept; the rest is one more
_ID_SHARE = 0.5  # a text column with more different values than this share of the rows names people, it does not describe them
_GAPS = 2.0  # running numbers of people, some of whom were left out of the file; traits that differ for everybody lie further apart
_NUMBER_SHARE = 0.95  # of a column's values that must read as numbers for it to be one
_LEAKED = 0.9  # see `_outcome_like`


class ExperimentUnusable(HuitouError):
    """An experiment's file does not fit (names the file, the column and the remedy)."""


@dataclass(frozen=True)
class Columns:
    """Which column is what, and which values name the arms.

    Attributes:
        treatment: column of the arm.
        treated, control: its values; rows with any other value are left out.
        outcome: what the treatment should raise.
        ignore: columns that are no traits.
        known: columns that were known before, although they look like outcomes.
    """

    treatment: str
    treated: str
    control: str
    outcome: str
    ignore: tuple[str, ...] = ()
    known: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReadExperiment:
    """An experiment and how it was read.

    Attributes:
        experiment: the people of the two arms.
        traits: names of the inputs, in their order.
        left_out: rows of other arms.
        without_outcome: rows left out because their outcome is empty.
        notes: what a reader must know.
    """

    experiment: Experiment
    traits: tuple[str, ...]
    left_out: int
    without_outcome: int
    notes: list[str] = field(default_factory=list)


def read_experiment(path: Path, columns: Columns) -> ReadExperiment:
    """Read a file (CSV and its kin, gzip, Parquet, Excel) of one row per person.

    Raises:
        SourceUnreadable: the file cannot be read.
        ExperimentUnusable: a column or an arm is not there, the outcome is no number or never changes, an arm is too small, or a trait can
            only be known afterwards.
    """
    return make_experiment(read_file(path, Reading()).rows.drop(LINE), columns, path.name)


def make_experiment(frame: pl.DataFrame, columns: Columns, where: str) -> ReadExperiment:
    """Turn a table of people into an experiment.

    Args:
        frame: one row per person.
        columns: which column is what.
        where: file or table, for messages.

    Raises:
        ExperimentUnusable: as `read_experiment`.
    """
    _require(frame, columns, where)
    arms = frame.select(text(pl.col(columns.treatment), frame.schema[columns.treatment]).alias("arm")).to_series().str.strip_chars()
    _require_arms(arms, columns, where)
    rows = frame.filter(arms.is_in([columns.treated, columns.control]))
    treated = (arms.filter(arms.is_in([columns.treated, columns.control])) == columns.treated).to_numpy()
    outcome = _outcome(rows[columns.outcome], columns.outcome, where)
    known = ~np.isnan(outcome)
    rows, treated, outcome = rows.filter(pl.Series(known)), treated[known], outcome[known]
    _require_people(treated, outcome, columns, where)

    notes: list[str] = []
    taken = {columns.treatment, columns.outcome, *columns.ignore}
    traits, inputs, levels = _traits(rows.select([c for c in rows.columns if c not in taken]), notes, vouched=columns.known)
    if not traits:
        raise ExperimentUnusable(f"{where} holds nothing that was known before the treatment; add columns that describe the people.")
    afterwards = [
        name
        for position, name in enumerate(traits)
        if name not in columns.known and _outcome_like(inputs[:, position], outcome, treated, levels[position])
    ]
    if afterwards:
        raise ExperimentUnusable(
            f"{where}: {', '.join(afterwards)} can hardly have been known before the treatment: (nearly) everybody with the one has the "
            f"other, {columns.outcome}, or the other way round. Leave out what came afterwards with "
            f"--ignore {','.join(dict.fromkeys([*columns.ignore, *afterwards]))}; vouch for what did not with --known."
        )
    if not known.all():
        notes.append(
            f"{int((~known).sum()):,} row(s) without {columns.outcome} were left out: make sure they were not left out of one arm."
        )
    experiment = Experiment(inputs, levels, treated, outcome)
    return ReadExperiment(experiment, traits, frame.height - len(known), int((~known).sum()), notes)


def _require(frame: pl.DataFrame, columns: Columns, where: str) -> None:
    for name in (columns.treatment, columns.outcome, *columns.ignore, *columns.known):
        if name not in frame.columns:
            near = difflib.get_close_matches(name, frame.columns, n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(near)}? " if near else ""
            raise ExperimentUnusable(f"{where} has no column {name!r}; {hint}It has: {', '.join(frame.columns)}.")
    if columns.treatment == columns.outcome:
        raise ExperimentUnusable(f"{where}: {columns.outcome} cannot be treatment and outcome at once.")


def _require_arms(arms: pl.Series, columns: Columns, where: str) -> None:
    if columns.treated == columns.control:
        raise ExperimentUnusable(f"--treated and --control are both {columns.treated!r}; name two values of {columns.treatment}.")
    present = arms.drop_nulls().value_counts(sort=True)
    for value in (columns.treated, columns.control):
        if value not in present[:, 0]:
            held = "; ".join(f"{name!r} ({count:,})" for name, count in present.head(12).iter_rows())
            raise ExperimentUnusable(f"{where}: no row has {columns.treatment} {value!r}; its values are {held or 'none'}.")


def _outcome(column: pl.Series, name: str, where: str) -> NDArray[np.float64]:
    values = column.cast(pl.Float64) if column.dtype.is_numeric() or column.dtype == pl.Boolean else numbers(column, None)
    if column.dtype == pl.String and values.null_count() > column.null_count():
        as_flags = flags(column)
        if as_flags.null_count() > column.null_count():
            wrong = column.filter(column.is_not_null() & values.is_null()).head(1).item()
            raise ExperimentUnusable(f"{where}, column {name}: {wrong!r} is neither a number nor yes/no.")
        values = as_flags.cast(pl.Float64)
    found = values.to_numpy().astype(np.float64)
    found[~np.isfinite(found)] = np.nan
    return found


def _require_people(treated: NDArray[np.bool_], outcome: NDArray[np.float64], columns: Columns, where: str) -> None:
    if len(outcome) and outcome.min() == outcome.max():
        raise ExperimentUnusable(f"{where}: {columns.outcome} is {outcome[0]:g} for everybody, so there is nothing to learn.")
    usual = float(np.median(outcome)) if len(outcome) else 0.0
    for arm, value in ((treated, columns.treated), (~treated, columns.control)):
        people, unusual = int(arm.sum()), int((outcome[arm] != usual).sum())
        if people < _LEAST_IN_ARM or unusual < _LEAST_RESPONDERS:
            raise ExperimentUnusable(
                f"{where}: the arm {value!r} has {people:,} people, {unusual:,} of them with another {columns.outcome} than {usual:g}; "
                f"at least {_LEAST_IN_ARM} and {_LEAST_RESPONDERS} are needed."
            )


def _counts_people(number: NDArray[np.float64]) -> bool:
    """Whether a column is a running number: whole, nobody's missing or the same, and hardly a gap."""
    whole = bool(np.isfinite(number).all()) and bool((number == np.floor(number)).all())
    return whole and len(np.unique(number)) == len(number) and float(np.ptp(number)) < _GAPS * len(number)


def _traits(
    frame: pl.DataFrame, notes: list[str], *, vouched: tuple[str, ...]
) -> tuple[tuple[str, ...], NDArray[np.float64], tuple[int, ...]]:
    names: list[str] = []
    made: list[NDArray[np.float64]] = []
    levels: list[int] = []
    for name in frame.columns:
        column = frame[name]
        number = _number(column)
        if number is not None and name not in vouched and _counts_people(number):
            notes.append(f"{name} numbers the people and was not used; --known {name} says that it is a trait.")
        elif number is not None:
            names.append(name)
            made.append(number)
            levels.append(0)
        elif column.drop_nulls().n_unique() > _ID_SHARE * max(column.len(), 1):
            notes.append(f"{name} differs from person to person and was not used.")
        else:
            words = column.cast(pl.String).str.strip_chars()
            common = words.drop_nulls().value_counts(sort=True)[:, 0].head(_MOST_LEVELS).sort().to_list()
            codes = words.replace_strict(common, list(range(len(common))), default=len(common), return_dtype=pl.Float64)
            codes = pl.select(pl.when(words.is_null()).then(None).otherwise(codes)).to_series()
            names.append(name)
            made.append(codes.cast(pl.Float64).to_numpy().astype(np.float64))
            levels.append(len(common) + int((codes == len(common)).any()))
    inputs = np.column_stack(made) if made else np.empty((frame.height, 0))
    return tuple(names), inputs, tuple(levels)


def _number(column: pl.Series) -> NDArray[np.float64] | None:
    """The column as numbers, or None when it holds words; times count as days."""
    if column.dtype.is_temporal():
        values = column.cast(pl.Datetime("us")).dt.epoch("d").cast(pl.Float64)
    elif column.dtype.is_numeric() or column.dtype == pl.Boolean:
        values = column.cast(pl.Float64)
    else:
        known = column.null_count()
        values = numbers(column.cast(pl.String), None)
        if column.len() - values.null_count() < _NUMBER_SHARE * max(column.len() - known, 1):
            return None
    found = values.to_numpy().astype(np.float64)
    found[~np.isfinite(found)] = np.nan
    return found if not np.isnan(found).all() else None


def _outcome_like(values: NDArray[np.float64], outcome: NDArray[np.float64], treated: NDArray[np.bool_], levels: int) -> bool:
    """Whether a trait looks like a second outcome: it (nearly) implies the outcome, or the outcome implies it.

    Looked at within the control arm, so that no real effect of the treatment can raise suspicion. With the outcome cut at its median (0/1:
    as it is) and the trait at its commonest value, one of the two groups must lie to nine tenths within the other and the other be rare
    enough that this is no accident.
    """
    if levels > 2:
        return False
    control = ~treated & ~np.isnan(values)
    has = values[control] != _commonest(values[control])
    came = outcome[control] > np.median(outcome[control])
    both = float((has & came).sum())
    for part, whole in ((has, came), (came, has)):
        if part.sum() >= 10 and both >= _LEAKED * part.sum() and whole.mean() <= 0.5 * _LEAKED:
            return True
    return False


def _commonest(values: NDArray[np.float64]) -> float:
    found, counts = np.unique(values, return_counts=True)
    return float(found[np.argmax(counts)]) if len(found) else 0.0
