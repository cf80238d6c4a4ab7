"""A file as it stands: its rows with their line numbers, and the lines that are no rows."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

LINE = "huitou_line"
REPAIR_COLUMNS = ("huitou_file", "huitou_origin", LINE, "huitou_column", "huitou_reason", "huitou_raw")


@dataclass(frozen=True)
class Broken:
    """A line that cannot be split into the file's columns.

    Attributes:
        line: number of the line in the file, from 1.
        fields: as far as they can be told apart.
        reason: what is wrong.
    """

    line: int
    fields: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class RawFile:
    """What a reader found.

    Attributes:
        name: of the file, without its folder.
        rows: one column per column of the file (text, or the types the file itself declares), and `huitou_line` (Int64, from 1).
        form: how it was read, for people: "CSV, ';', gb18030".
        broken: lines that are no rows.
        warnings: sentences about the file as a whole.
    """

    name: str
    rows: pl.DataFrame
    form: str
    broken: tuple[Broken, ...] = ()
    warnings: tuple[str, ...] = field(default=())

    @property
    def columns(self) -> list[str]:
        """The file's own columns, in order."""
        return [c for c in self.rows.columns if c not in REPAIR_COLUMNS]

    @property
    def unnamed(self) -> bool:
        """Whether the file has no header."""
        return bool(self.columns) and self.columns == [f"column_{i + 1}" for i in range(len(self.columns))]

    @property
    def repairs(self) -> bool:
        """Whether this is a quarantine file that came back: its lines carry where they came from."""
        return {"huitou_file", "huitou_origin", LINE} <= set(self.rows.columns) and "huitou_reason" in self.rows.columns
