"""Files beside the tables: staged imports, quarantine, audiences, scores, reports. Lines go; what cannot be taken apart goes whole."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from features.ledger.decision_spool import FOLDER as SPOOL
from features.settings import FeatureSettings
from features.sources.tabular.erased import drop_lines_of
from features.sources.tabular.staging import FOLDER as IMPORTS
from features.sources.tabular.staging import open_staged

_TABLES = (".csv", ".tsv")
_WHOLE = (".html", ".json", ".jsonl", ".txt", ".log", ".md")  # made by a command from the tables, and made again by it
_ELSEWHERE = ("models", "mlruns-artifacts", "imported", "folded", "warehouse", "features", "online", IMPORTS, SPOOL)


def forget_in_staged_imports(settings: FeatureSettings, ids: Collection[str]) -> int:
    """Drop people's lines from what each imported file gave; returns how many went."""
    found = (open_staged(folder) for folder in sorted((settings.data_dir / IMPORTS).glob("*")))
    return sum(drop_lines_of(staged, ids) for staged in found if staged is not None)


def forget_in_files(settings: FeatureSettings, ids: Collection[str]) -> int:
    """Drop people's lines from CSV files of the data folder, and whole files that name them; returns how many went."""
    wanted, removed = set(ids), 0
    named = re.compile("|".join(rf"(?<![\w-]){re.escape(one)}(?![\w-])" for one in sorted(ids)))
    for path in _files(settings.data_dir):
        if path.suffix in _TABLES:
            removed += _drop_from_csv(path, wanted)
        elif path.suffix in _WHOLE and named.search(path.read_text(encoding="utf-8", errors="replace")):
            path.unlink()
            removed += 1
    return removed


def _files(data_dir: Path) -> Iterator[Path]:
    for path in sorted(data_dir.rglob("*")):
        if path.is_file() and path.relative_to(data_dir).parts[0] not in _ELSEWHERE:
            yield path


def _drop_from_csv(path: Path, ids: set[str]) -> int:
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        start = file.read(4096)
        file.seek(0)
        delimiter = max(",;\t", key=start.count)
        rows = list(csv.reader(file, delimiter=delimiter))
    kept = [row for row in rows if not ids.intersection(cell.strip() for cell in row)]
    if len(kept) < len(rows):
        aside = path.with_name(f".{path.name}.writing")
        with aside.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(kept)
        aside.replace(path)
    return len(rows) - len(kept)
