"""A study's table for the terminal: our own row in bold, intervals below, what did not answer with its reason."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table as Grid

if TYPE_CHECKING:
    from training.studies.study import Row, Table

_WIDTH = 116  # of sentences
_COLUMNS = 6  # side by side: what 80 characters hold; further metrics stand below


def table_parts(table: Table) -> list[RenderableType]:
    """What to print, one after another."""
    facts = ", ".join(f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}" for name, value in table.facts.items())
    parts: list[RenderableType] = [f"[bold]{table.study}: {escape(table.dataset)}[/]  {escape(facts)}"]
    parts += [escape(line) for line in textwrap.wrap(table.protocol, _WIDTH)]
    parts += [_figures(table, table.headline[i : i + _COLUMNS]) for i in range(0, len(table.headline), _COLUMNS)]
    parts.append(_costs(table))
    parts += [f"{escape(row.model)}: no figures. {escape(row.reason)}" for row in table.rows if row.reason]
    parts += _differences(table)
    tuned = [row for row in table.rows if row.settings]
    if tuned:
        parts.append("Settings used (fix them with --settings):")
        parts += [f"  {escape(row.model)}: {escape(json.dumps(row.settings, ensure_ascii=False))}" for row in tuned]
    parts += [f"{escape(row.model)}: {escape(note)}" for row in table.rows if not row.reason for note in row.notes]
    parts += [escape(line) for note in table.notes for line in textwrap.wrap(note, _WIDTH)]
    return parts


def _figures(table: Table, names: Sequence[str]) -> Grid:
    grid = _empty(names)
    for row in table.rows:
        own = row.model == table.own
        grid.add_row(escape(row.model), *[figure(row.metrics.get(name)) for name in names], style="bold" if own else None)
        if own and row.interval:
            grid.add_row("  95 % interval", *[_interval(row, name) for name in names], style="dim")
    return grid


def _costs(table: Table) -> Grid:
    grid = _empty(["tune s", "fit s", "predict s", "peak MB"])
    for row in table.rows:
        grid.add_row(escape(row.model), f"{row.tune_s:.1f}", f"{row.fit_s:.1f}", f"{row.predict_s:.1f}", f"{row.peak_mb:.0f}")
    return grid


def _empty(names: Sequence[str]) -> Grid:
    grid = Grid(box=SIMPLE, pad_edge=False)
    grid.add_column("model", min_width=20, no_wrap=True)
    for name in names:
        # A name stands on several lines, a figure never does.
        grid.add_column("\n".join(name.split("_")), justify="right", no_wrap=True)
    return grid


def figure(value: float | None) -> str:
    """A figure with the digits that its size deserves."""
    if value is None:
        return "-"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:,.1f}"


def _interval(row: Row, name: str) -> str:
    if name not in row.interval:
        return ""
    low, high = row.interval[name]
    return f"{figure(low)}–\n{figure(high)}"


def _differences(table: Table) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for row in table.rows:
        shown = [
            f"{name} {row.difference[name][0]:+.4f} to {row.difference[name][1]:+.4f}" for name in table.headline if name in row.difference
        ]
        if shown:
            lines.append(f"  {escape(table.own)} − {escape(row.model)}: {'; '.join(shown)}")
    return ["Paired differences, 95 % intervals:", *lines] if lines else []
