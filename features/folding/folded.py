"""The folded tables on disk: `DATA_DIR/folded/<version>/<table>.parquet` and `folded.json`, which says up to which event they go."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from features.errors import StateBroken
from features.folding.fold import FOLDED, merged
from features.settings import FeatureSettings
from features.versions import current_version, new_version

_REPORT = "folded.json"


@dataclass(frozen=True)
class Folded:
    """What the ledger's events have become so far.

    Attributes:
        version: name of the version folder; None before the first fold.
        until: number of the last event in it; 0 before the first.
        tables: table → its rows, ids as recorded.
        kept: kind → events that became rows, ever.
        set_aside: kind → events that did not.
    """

    version: str | None
    until: int
    tables: dict[str, pl.DataFrame]
    kept: dict[str, int] = field(default_factory=dict)
    set_aside: dict[str, int] = field(default_factory=dict)


def folded_until(settings: FeatureSettings) -> int:
    """Number of the last folded event; 0 before the first fold."""
    version = current_version(settings.folded_dir)
    return 0 if version is None else int(_report(settings.folded_dir / version)["until"])


def read_folded(settings: FeatureSettings) -> Folded:
    """The current folded tables; empty ones before the first fold.

    Raises:
        StateBroken: a file is missing or damaged.
    """
    version = current_version(settings.folded_dir)
    if version is None:
        return Folded(None, 0, {table.name: table.empty() for table in FOLDED})
    folder = settings.folded_dir / version
    report = _report(folder)
    try:
        tables = {table.name: table.widened(pl.read_parquet(folder / f"{table.name}.parquet")) for table in FOLDED}
    except (OSError, pl.exceptions.PolarsError) as error:
        raise StateBroken(f"{folder} cannot be read ({error}); delete {settings.folded_dir} and run `huitou compact`.") from error
    return Folded(version, int(report["until"]), tables, report["kept"], report["set_aside"])


def write_folded(settings: FeatureSettings, earlier: Folded, later: Folded) -> None:
    """Make earlier and later events together current, at once.

    Args:
        settings: says where.
        earlier: what is current.
        later: events after it, with their `until`.
    """
    tables = merged(earlier.tables, later.tables)
    replace_folded(
        settings,
        Folded(None, later.until, tables, _summed(earlier.kept, later.kept), _summed(earlier.set_aside, later.set_aside)),
    )


def replace_folded(settings: FeatureSettings, folded: Folded) -> None:
    """Write tables as a new version and make it current."""
    with new_version(settings.folded_dir, {"until": folded.until, "kept": folded.kept}) as folder:
        for name, frame in folded.tables.items():
            frame.write_parquet(folder / f"{name}.parquet")
        report = {"until": folded.until, "kept": folded.kept, "set_aside": folded.set_aside}
        (folder / _REPORT).write_text(json.dumps(report, indent=1), encoding="utf-8")


def _summed(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    return {kind: first.get(kind, 0) + second.get(kind, 0) for kind in sorted({*first, *second})}


def _report(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / _REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StateBroken(f"{folder / _REPORT} cannot be read ({error}); delete {folder.parent} and run `huitou compact`.") from error
    return found
