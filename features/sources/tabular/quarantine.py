"""Files of the lines set aside: as they stood, with the file, line, column and reason beside them; edit one and import it again.

`DATA_DIR/quarantine/<kind>-<file>-<hash>.csv`. A file that somebody has edited but not yet imported is never overwritten: it is kept beside
the new one.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl

from features.sources.tabular.raw_file import LINE, REPAIR_COLUMNS
from features.sources.tabular.staging import Staged
from features.versions import content_hash

FOLDER = "quarantine"
_WRITTEN = ".written.json"


def write_quarantine(folder: Path, faults: pl.DataFrame, staged: Sequence[Staged], imported: Collection[Path]) -> list[Path]:
    """Write one CSV per file that has lines set aside; those whose lines were all repaired go.

    Args:
        folder: where they are.
        faults: `kind`, `origin`, `huitou_line`, `column`, `reason`.
        staged: every file of the history.
        imported: files just imported: an edited quarantine file among them has done its work.

    Returns:
        The files, sorted.
    """
    old = _written(folder)
    for name, told in old.items():
        path = folder / name
        if path.is_file() and path.resolve() not in {p.resolve() for p in imported} and content_hash(path) != told:
            path.rename(_free(path))
        path.unlink(missing_ok=True)
    paths = []
    for (kind, origin), group in faults.sort("origin", LINE).group_by(["kind", "origin"], maintain_order=True):
        frame = _lines(group, [s for s in staged if s.kind == kind], str(origin))
        stem = Path(str(frame["huitou_file"][0] or "file").split(".")[0]).name
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{kind}-{stem}-{str(origin)[:8]}.csv"
        frame.write_csv(path, include_bom=True)  # spreadsheets take a CSV without the mark for a Western code page
        paths.append(path)
    if folder.is_dir():
        (folder / _WRITTEN).write_text(json.dumps({p.name: content_hash(p) for p in paths}), encoding="utf-8")
    return sorted(paths)


def reasons(faults: pl.DataFrame) -> dict[str, int]:
    """Reason → lines, the commonest first; a line with several faults counts under each."""
    named = pl.when(pl.col("column").is_in(["", None])).then("reason").otherwise(pl.concat_str("column", pl.lit(": "), "reason"))
    counted = faults.select("kind", named.alias("why")).group_by("kind", "why").len().sort("len", "why", descending=[True, False])
    return {f"{kind}, {why}": count for kind, why, count in counted.iter_rows()}


def _lines(faults: pl.DataFrame, staged: Sequence[Staged], origin: str) -> pl.DataFrame:
    told = faults.group_by(LINE).agg(
        pl.col("column").filter(pl.col("column") != "").unique(maintain_order=True).str.join("; ").alias("huitou_column"),
        pl.col("reason").unique(maintain_order=True).str.join("; ").alias("huitou_reason"),
    )
    # The newest text of a line: as it was repaired, if that did not suffice.
    raws = [raw for file in staged if not (raw := file.raw().filter(pl.col("origin") == origin)).is_empty()]
    raw = pl.concat(raws, how="diagonal").unique(LINE, keep="last")
    lines = told.join(raw, on=LINE, how="left").sort(LINE)
    lines = lines.rename({"file": "huitou_file", "origin": "huitou_origin"}).with_columns(pl.col("huitou_origin").fill_null(origin))
    return lines.select(*REPAIR_COLUMNS, pl.exclude(REPAIR_COLUMNS))


def _written(folder: Path) -> dict[str, str]:
    try:
        known: dict[str, str] = json.loads((folder / _WRITTEN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # safe: nothing of ours is there to be replaced
    return known


def _free(path: Path) -> Path:
    number = 1
    while (kept := path.with_name(f"{path.stem}.edited-{number}.csv")).exists():
        number += 1
    return kept
