"""A study as one HTML page that needs nothing else: table, intervals, plots, settings."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huitou.evaluation.lines import figure
from huitou.report.plots import plot_svg

if TYPE_CHECKING:
    from training.recipe import Curve
    from training.studies.study import Row, Table


def write_page(table: Table, path: Path) -> None:
    """Write the page."""
    from jinja2 import Environment

    text = resources.files("huitou.evaluation").joinpath("template.html").read_text(encoding="utf-8")
    every = list(dict.fromkeys([*table.headline, *(name for row in table.rows for name in row.metrics)]))
    plots: dict[str, list[Curve]] = {}
    for curve in table.curves:
        plots.setdefault(curve.plot, []).append(curve)
    html = (
        Environment(autoescape=True)
        .from_string(text)
        .render(
            table=table,
            facts=[(name, f"{value:,}" if isinstance(value, int) else value) for name, value in table.facts.items()],
            headline=table.headline,
            rows=[_row(row, table.headline) for row in table.rows],
            every=every,
            all_rows=[_row(row, every) for row in table.rows],
            differences=[_difference(row, table.headline) for row in table.rows if row.difference],
            settings=[(row.model, json.dumps(row.settings, indent=1, ensure_ascii=False)) for row in table.rows if row.settings],
            notes=[*table.notes, *(f"{row.model}: {note}" for row in table.rows for note in row.notes)],
            plots=[plot_svg(title, curves) for title, curves in plots.items()],
        )
    )
    aside = path.with_suffix(".writing")
    aside.write_text(html, encoding="utf-8")
    aside.replace(path)


def _row(row: Row, names: list[str]) -> dict[str, Any]:
    cells = [{"value": figure(row.metrics.get(name)), "interval": _bounds(row.interval.get(name))} for name in names]
    return {"model": row.model, "cells": cells, "row": row}


def _difference(row: Row, names: list[str]) -> dict[str, Any]:
    return {"model": row.model, "cells": [_signed(row.difference.get(name)) for name in names]}


def _bounds(pair: tuple[float, float] | None) -> str:
    return "" if pair is None else f"{figure(pair[0])} – {figure(pair[1])}"


def _signed(pair: tuple[float, float] | None) -> str:
    return "-" if pair is None else f"{pair[0]:+.4f} to {pair[1]:+.4f}"
