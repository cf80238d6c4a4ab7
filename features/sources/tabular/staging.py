"""What each file gave, kept by the hash of its content and its mapping: an unchanged file is not read twice, and nothing is lost.

`DATA_DIR/imports/<kind>-<hash>/`: `rows.parquet` (typed, good), `raw.parquet` (the mapped columns as they stood, for quarantine),
`faults.parquet`, `note.json`.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from features.sources.tabular.checks import Checked, check_rows
from features.sources.tabular.continued import continued, lines_continued
from features.sources.tabular.kinds import Kind
from features.sources.tabular.mapping import Part
from features.sources.tabular.raw_file import LINE, RawFile
from features.sources.tabular.values import text
from features.versions import content_hash

_FORMAT = 2  # raise when the checks change their meaning
FOLDER = "imports"
_DUPLICATED = 0.5  # share of duplicate lines from which a file is called duplicated as a whole


@dataclass(frozen=True)
class Staged:
    """One file of the history.

    Attributes:
        folder: where its parts are.
        kind: name of its kind.
        name: of the file.
        content: hash of the file alone.
        part: the mapping it was read with.
        warnings: sentences about the file as a whole.
        repairs: a quarantine file that came back.
    """

    folder: Path
    kind: str
    name: str
    content: str
    part: Part
    warnings: tuple[str, ...]
    repairs: bool

    @property
    def key(self) -> str:
        """Name of its folder."""
        return self.folder.name

    def rows(self) -> pl.DataFrame:
        """Good rows, typed, with `origin` (content hash) and `huitou_line`."""
        return pl.read_parquet(self.folder / "rows.parquet")

    def faults(self) -> pl.DataFrame:
        """`origin`, `huitou_line`, `column`, `reason`."""
        return pl.read_parquet(self.folder / "faults.parquet")

    def raw(self) -> pl.DataFrame:
        """The mapped columns as text, with `origin`, `file`, `huitou_line`; broken lines with `huitou_raw`."""
        return pl.read_parquet(self.folder / "raw.parquet")


def staging_key(kind: Kind, path: Path, part: Part) -> str:
    """Folder name: changes with the file's content, its mapping and the checks; a renamed file keeps it."""
    return f"{kind.name}-{content_hash(_FORMAT, kind.name, part.model_dump(mode='json'), path)}"


def open_staged(folder: Path) -> Staged | None:
    """A staged file, or None where it is not (any more) whole."""
    try:
        note: Mapping[str, Any] = json.loads((folder / "note.json").read_text(encoding="utf-8"))
        part = Part.model_validate(note["part"])
        return Staged(folder, note["kind"], note["name"], note["content"], part, tuple(note["warnings"]), note["repairs"])
    except (OSError, ValueError, KeyError):
        return None  # safe: the file is read again


def stage(
    folder: Path,
    kind: Kind,
    part: Part,
    file: RawFile,
    *,
    content: str,
    now: datetime,
    before: Callable[[Staged], object] = lambda _: None,
) -> Staged:
    """Check a file's rows and keep them; written aside and renamed, so that a staged file is always whole.

    Args:
        folder: where it is kept.
        kind: what the file holds.
        part: its mapping.
        file: its content.
        content: hash of its content.
        now: UTC: later times are impossible.
        before: told the file as it lies aside; what it takes out was never kept.
    """
    lines = continued(part, file.rows) if kind.name == "orders" else file.rows
    taken_over = lines_continued(part, file.rows, lines)
    file = replace(file, rows=lines)
    checked = check_rows(kind, part, file, now)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".writing-", dir=folder.parent) as name:
        aside = Path(name) / folder.name
        aside.mkdir()
        _origin(checked.rows, file, content).write_parquet(aside / "rows.parquet")
        _origin(checked.faults, file, content).write_parquet(aside / "faults.parquet")
        _raw(part, file, content).write_parquet(aside / "raw.parquet")
        warnings = (*file.warnings, *_warnings(kind, file, checked))
        if taken_over:
            warnings += (f"{file.name}: {taken_over:,} lines say not who bought or when; they took it from their order's other lines.",)
        note = {"kind": kind.name, "name": file.name, "content": content, "part": part.model_dump(mode="json")}
        (aside / "note.json").write_text(json.dumps({**note, "warnings": warnings, "repairs": file.repairs}), encoding="utf-8")
        staged = Staged(aside, kind.name, file.name, content, part, warnings, file.repairs)
        before(staged)
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
    return replace(staged, folder=folder)


def _origin(frame: pl.DataFrame, file: RawFile, content: str) -> pl.DataFrame:
    """Says for every row which file it first stood in: this one, or the one it was quarantined from."""
    if not file.repairs:
        return frame.with_columns(pl.lit(content).alias("origin"))
    origins = file.rows.select(LINE, pl.col("huitou_origin").alias("origin")).unique(LINE, keep="first")
    return frame.join(origins, on=LINE, how="left").with_columns(pl.col("origin").fill_null(content))


def _raw(part: Part, file: RawFile, content: str) -> pl.DataFrame:
    wanted = list(dict.fromkeys(part.columns.values()))
    rows = file.rows.select(LINE, *(text(pl.col(c), file.rows.schema[c]).alias(c) for c in wanted))
    names = file.rows["huitou_file"] if file.repairs else pl.lit(file.name)
    rows = rows.with_columns(pl.lit(None, dtype=pl.String).alias("huitou_raw"), names.alias("file"))
    if file.broken:
        places = {c: file.columns.index(c) for c in wanted}
        broken = [
            {LINE: b.line, "huitou_raw": "\t".join(b.fields), "file": file.name}
            | {c: b.fields[i] if i < len(b.fields) else None for c, i in places.items()}
            for b in file.broken
        ]
        rows = pl.concat([rows, pl.DataFrame(broken, schema=rows.schema)])
    return _origin(rows, file, content)


def _warnings(kind: Kind, file: RawFile, checked: Checked) -> tuple[str, ...]:
    repeated = checked.faults.filter(pl.col("reason").str.starts_with("duplicate")).height
    if file.rows.height >= 2 and repeated >= _DUPLICATED * file.rows.height:
        times = file.rows.height / max(file.rows.height - repeated, 1)
        return (
            f"{file.name}: {repeated:,} of {file.rows.height:,} lines repeat an earlier one; the file looks {times:.0f} times duplicated.",
        )
    if repeated and not file.repairs:
        return (
            f"{file.name}: {repeated:,} lines equal an earlier one and were set aside as duplicates. Where each is a sale of its own "
            f'(a product twice in one order), write duplicates = "keep" under [{kind.name}.meaning] in the mapping '
            "and import the file again.",
        )
    return ()
