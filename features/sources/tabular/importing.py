"""`huitou import tabular`: plan (read, guess), then import (check, keep, put together, write)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import polars as pl

from features.errors import SourceUnreadable, StateMissing
from features.import_consent import ImportConsent
from features.permitted import erased_among
from features.schema import TABLES
from features.settings import FeatureSettings
from features.sources.tabular.erased import customers_in, drop_lines_of
from features.sources.tabular.file_forms import read_file
from features.sources.tabular.guess import Guess, check_columns, guess
from features.sources.tabular.history import history
from features.sources.tabular.kinds import Kind, kind
from features.sources.tabular.mapping import Mapping as ColumnMapping
from features.sources.tabular.mapping import Part, Reading
from features.sources.tabular.quarantine import FOLDER as QUARANTINE
from features.sources.tabular.quarantine import reasons, write_quarantine
from features.sources.tabular.raw_file import RawFile
from features.sources.tabular.staging import FOLDER as IMPORTS
from features.sources.tabular.staging import Staged, open_staged, stage, staging_key
from features.sweep_lock import writing_people
from features.versions import content_hash, matches
from features.warehouse import Warehouse, current_warehouse, open_warehouse, write_warehouse

SOURCE = "tabular"
_FORMAT = 3  # raise when files are put together differently, so that a warehouse of the older form is written again
_REFUSED = 0.9  # share of malformed rows from which a file is not quarantined but refused: its mapping must be wrong

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Planned:
    """One file as it will be imported.

    Attributes:
        kind: what it holds.
        path: where it is.
        part: its mapping.
        guess: how the mapping was found; None when the mapping file gave it or the file came back from quarantine.
        file: its content; None when it was imported before and has not changed.
        content: hash of its content.
    """

    kind: Kind
    path: Path
    part: Part
    guess: Guess | None
    file: RawFile | None
    content: str

    @property
    def key(self) -> str:
        """Name of its staging folder."""
        return staging_key(self.kind, self.path, self.part)


@dataclass(frozen=True)
class Imported:
    """What an import did.

    Attributes:
        warehouse: the history now.
        changed: False: every file had been imported before.
        new: names of the files read now.
        quarantine: files of the lines set aside.
        warnings: sentences about whole files.
    """

    warehouse: Warehouse
    changed: bool
    new: tuple[str, ...]
    quarantine: tuple[Path, ...]
    warnings: tuple[str, ...]


def plan(settings: FeatureSettings, files: Mapping[str, Sequence[Path]], mapping: ColumnMapping, tell: Tell) -> list[Planned]:
    """Read every file that is new and find its mapping.

    Args:
        settings: says where earlier imports are kept.
        files: kind → files.
        mapping: what is known already; kinds it lacks are guessed from their first file.
        tell: told the progress.

    Raises:
        SourceUnreadable: a file cannot be read or lacks a required column; nothing is imported.
    """
    planned: list[Planned] = []
    for name, paths in files.items():
        for path in paths:
            planned.append(_plan_one(settings, kind(name), path, mapping.part_of(name, path), tell))
            mapping = learned(mapping, planned[-1:])
    if not planned:
        raise SourceUnreadable("No file was named; give at least one, e.g. --orders orders.csv.")
    return planned


def learned(mapping: ColumnMapping, planned: Sequence[Planned]) -> ColumnMapping:
    """The mapping with what was guessed: for the kind, or, where its kind is written otherwise, for that file alone."""
    for entry in planned:
        if entry.guess is not None and mapping.part_of(entry.kind.name, entry.path) != entry.part:
            own = f"{entry.kind.name}:{entry.path.name}"
            mapping = mapping.with_part(own if entry.kind.name in mapping.parts else entry.kind.name, entry.part)
    return mapping


def _plan_one(settings: FeatureSettings, of: Kind, path: Path, part: Part | None, tell: Tell) -> Planned:
    if not path.is_file():
        raise SourceUnreadable(f"{path} is no file.")
    content = content_hash(path)
    if part is not None and open_staged(settings.data_dir / IMPORTS / staging_key(of, path, part)) is not None:
        return Planned(of, path, part, None, None, content)
    file = read_file(path, part.reading if part and not _came_back(path) else Reading(), tell)
    if file.repairs:
        return Planned(of, path, _repaired(settings, of, file, path), None, file, content)
    if part is not None and _fits(of, part, file, path):
        return Planned(of, path, part, None, file, content)
    try:
        found = guess(of, file, path)
    except SourceUnreadable:
        if part is not None:
            check_columns(of, part, file, path)  # what the mapping file says is what its author looks at
        raise
    return Planned(of, path, found.part, found, file, content)


def _fits(of: Kind, part: Part, file: RawFile, path: Path) -> bool:
    if file.unnamed and guess(of, file, path).part.columns != part.columns:
        return False  # column_1 and column_2 fit every pair of ids: only the file's name tells what they are
    try:
        check_columns(of, part, file, path)
    except SourceUnreadable:
        return False
    return True


def _came_back(path: Path) -> bool:
    with path.open("rb") as file:
        return b"huitou_origin" in file.read(200)


def _repaired(settings: FeatureSettings, of: Kind, file: RawFile, path: Path) -> Part:
    """A quarantine file is read with the mapping of the file it came from, but written as we write CSV."""
    origin = str(file.rows["huitou_origin"][0])
    for folder in sorted((settings.data_dir / IMPORTS).glob(f"{of.name}-*")):
        staged = open_staged(folder)
        if staged is not None and staged.content == origin:
            reading = staged.part.reading.model_copy(update={"delimiter": None, "encoding": None, "header": None, "sheet": None})
            return staged.part.model_copy(update={"reading": reading})
    raise SourceUnreadable(
        f"{path} was set aside from a {of.name} file that is not in {settings.data_dir / IMPORTS}; import the original again."
    )


def run(
    settings: FeatureSettings,
    planned: Sequence[Planned],
    *,
    now: datetime,
    replace: bool = False,
    consent: ImportConsent = ImportConsent.UNKNOWN,
    tell: Tell = lambda _: None,
) -> Imported:
    """Import planned files: add them to the history, or start a new one.

    Args:
        settings: says where everything is.
        planned: from `plan`.
        now: wall clock, UTC: later times in the files are impossible.
        replace: forget the files of earlier imports, and any other source's history.
        consent: what is stated of the customers in the files.
        tell: told the progress.

    Raises:
        SourceUnreadable: nearly every row of a file is malformed, or the folder holds another source's history.
        TooLittleHistory: nothing is left.
    """
    with writing_people(settings.data_dir):
        return _run(settings, planned, now=now, replace=replace, consent=consent, tell=tell)


def _run(
    settings: FeatureSettings, planned: Sequence[Planned], *, now: datetime, replace: bool, consent: ImportConsent, tell: Tell
) -> Imported:
    root = settings.data_dir / IMPORTS
    known = [] if replace else _known(settings, root)
    new = []
    for entry in planned:
        staged = open_staged(root / entry.key)
        if staged is None:
            if entry.file is None:
                raise SourceUnreadable(f"{entry.path} changed while it was imported; import it again.")
            tell(f"checking {entry.path.name}")
            staged = stage(
                root / entry.key, entry.kind, entry.part, entry.file, content=entry.content, now=now, before=partial(_drop_erased, settings)
            )
        _refuse_if_hopeless(staged, entry)
        new.append(staged)
    contents = {(s.kind, s.content) for s in new}
    # An unchanged file keeps its place; one read anew under another mapping takes the place of its older reading.
    keys = {s.key for s in known}
    together = [s for s in known if (s.kind, s.content) not in contents or s.key in {n.key for n in new}]
    together += [s for s in new if s.key not in keys]
    together = list({s.key: s for s in together}.values())
    inputs = {"source": SOURCE, "format": _FORMAT, "files": [s.key for s in together]}
    warnings = tuple(w for s in new for w in s.warnings)
    if matches(settings.imported_dir, inputs):
        warehouse = current_warehouse(settings, consent=consent)
        return Imported(warehouse, changed=False, new=(), quarantine=tuple(map(Path, warehouse.report["quarantine"])), warnings=warnings)
    tell("putting the files together")
    made = history(together)
    quarantine = write_quarantine(settings.data_dir / QUARANTINE, made.faults, together, [e.path for e in planned])
    report = {
        "source": SOURCE,
        "files": [{"key": s.key, "kind": s.kind, "name": s.name} for s in together],
        "counts": {
            "lines read": _lines_read(together),
            **made.counts,
            "lines in quarantine": made.faults.select("origin", "huitou_line").n_unique(),
        },
        "reasons": reasons(made.faults),
        "quarantine": [str(path) for path in quarantine],
    }
    tell("writing the history")
    warehouse = write_warehouse(settings, _filled(made.tables), report, inputs, consent=consent)
    return Imported(
        warehouse, changed=True, new=tuple(s.name for s in new if s.key not in keys), quarantine=tuple(quarantine), warnings=warnings
    )


def _drop_erased(settings: FeatureSettings, staged: Staged) -> None:
    erased = erased_among(settings, customers_in(staged))
    drop_lines_of(staged, erased, until=erased)


def _known(settings: FeatureSettings, root: Path) -> list[Staged]:
    try:
        report = open_warehouse(settings).report
    except StateMissing:
        return []
    if report.get("source") != SOURCE:
        raise SourceUnreadable(
            f"{settings.data_dir} holds the history of {report.get('source')!r}; choose another --data-dir, or --replace it."
        )
    found = [open_staged(root / entry["key"]) for entry in report["files"]]
    lost = [entry["name"] for entry, staged in zip(report["files"], found, strict=True) if staged is None]
    if lost:
        raise SourceUnreadable(f"{root} has lost what was read from {', '.join(lost)}; import every file again with --replace.")
    return [staged for staged in found if staged is not None]


def _refuse_if_hopeless(staged: Staged, entry: Planned) -> None:
    faults = staged.faults().filter(~pl.col("reason").str.starts_with("duplicate"))
    bad, good = faults["huitou_line"].n_unique(), staged.rows().height
    if staged.repairs or bad < _REFUSED * (bad + good):
        return
    column, reason, count = faults.group_by("column", "reason").len().sort("len", descending=True).row(0)
    raise SourceUnreadable(
        f"{entry.path}: {bad:,} of {bad + good:,} rows are malformed, most often {column or 'the row'}: {reason} ({count:,} rows); "
        "nothing was imported. Correct the mapping file."
    )


def _lines_read(staged: Sequence[Staged]) -> int:
    return sum(s.raw().height for s in staged if not s.repairs)


def _filled(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Columns that no file has are null; the schema says which must not be."""
    return {
        t.name: tables[t.name].with_columns(pl.lit(None, dtype=d).alias(c) for c, d in t.columns.items() if c not in tables[t.name].columns)
        for t in TABLES
        if t.name in tables and not tables[t.name].is_empty()
    }
