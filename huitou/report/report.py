"""Writes the report: what was measured, beside what, from which assumptions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata, resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huitou.console import Step
from huitou.report.plots import plot_svg

if TYPE_CHECKING:
    from features.warehouse import Warehouse
    from training.pipeline import Trained
    from training.recipe import Curve, Evaluation

_SHOWN = 7  # columns of a model's table; all metrics are in demo.json and MLflow


@dataclass(frozen=True)
class ReportInputs:
    """Everything the report shows.

    Attributes:
        answers: title → the API's JSON answer; none where there is no churn model to choose two telling customers by.
        assumptions_path: the assumptions file in the data folder.
        steps, seconds, peak_mb: what a whole run took; left out of the page where there was none.
    """

    warehouse: Warehouse
    now: datetime
    results: Sequence[Trained]
    answers: Sequence[tuple[str, dict[str, Any]]]
    assumptions_path: Path
    steps: Sequence[Step] = ()
    seconds: float | None = None
    peak_mb: float | None = None


def write_report(inputs: ReportInputs, path: Path) -> None:
    """Write one HTML file that needs nothing else."""
    from jinja2 import Environment

    from features.assumptions import load_assumptions

    text = resources.files("huitou.report").joinpath("template.html").read_text(encoding="utf-8")
    report = inputs.warehouse.report
    html = (
        Environment(autoescape=True)
        .from_string(text)
        .render(
            source=report.get("source", "your shop"),
            now=inputs.now.isoformat(timespec="minutes"),
            version=metadata.version("huitou"),
            facts=[
                ("customers", f"{report['rows']['customers']:,}"),
                ("orders", f"{report['rows']['orders']:,}"),
                ("order lines", f"{report['rows']['order_lines']:,}"),
                *([("seconds", f"{inputs.seconds:.0f}")] if inputs.seconds is not None else []),
                *([("MB at the peak", f"{inputs.peak_mb:,.0f}")] if inputs.peak_mb is not None else []),
            ],
            counts=list(report.get("counts", {}).items()),
            assumptions=load_assumptions(inputs.assumptions_path),
            assumptions_text=inputs.assumptions_path.read_text(encoding="utf-8"),
            models=[_model(result) for result in inputs.results],
            answers=[(title, json.dumps(answer, indent=2, ensure_ascii=False)) for title, answer in inputs.answers],
            steps=inputs.steps,
        )
    )
    aside = path.with_suffix(".writing")
    aside.write_text(html, encoding="utf-8")
    aside.replace(path)


def _model(result: Trained) -> dict[str, Any]:
    evaluation = result.evaluation
    if evaluation is None:
        return {"name": result.name, "evaluation": None, "reason": result.reason}
    metrics = _columns(evaluation)
    rows = [{"name": result.name, "cells": [_cell(evaluation, m) for m in metrics]}]
    rows += [
        {"name": name, "cells": [{"value": f"{values[m]:.4f}" if m in values else "–", "interval": ""} for m in metrics]}
        for name, values in evaluation.baselines.items()
    ]
    plots: dict[str, list[Curve]] = {}
    for curve in evaluation.curves:
        plots.setdefault(curve.plot, []).append(curve)
    return {
        "name": result.name,
        "evaluation": evaluation,
        "metrics": metrics,
        "rows": rows,
        "differences": [
            f"{name} {low:+.4f} to {high:+.4f}" for name, (low, high) in evaluation.differences.items() if name.split(" ")[0] in metrics
        ],
        "plots": [plot_svg(title, curves) for title, curves in plots.items()],
    }


def _columns(evaluation: Evaluation) -> list[str]:
    from huitou.tables import headline_metrics

    first = headline_metrics(evaluation)
    compared = {m for values in evaluation.baselines.values() for m in values}
    rest = [m for m in evaluation.metrics if m not in first and m in compared]
    return [*first, *rest][:_SHOWN]


def _cell(evaluation: Evaluation, metric: str) -> dict[str, str]:
    low_high = evaluation.intervals.get(metric)
    return {
        "value": f"{evaluation.metrics[metric]:.4f}",
        "interval": f"{low_high[0]:.4f}–{low_high[1]:.4f}" if low_high else "",
    }
