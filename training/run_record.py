"""What a training run leaves in the tracker: the translation of an evaluation and a manifest into MLflow's words.

Nothing here speaks to MLflow; names are made lawful for it and long texts go into files, so that nothing is lost.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from training.artifacts.folder import MANIFEST, Manifest

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from training.recipe import Curve, Evaluation

Purpose = Literal["evaluation", "refit"]

_UNLAWFUL = re.compile(r"[^\w.\- ]")  # MLflow takes letters, digits, "_", "-", ".", " ", and "/", which would be a folder to it
_LONGEST_NAME = 250  # MLflow's MAX_ENTITY_KEY_LENGTH
_LONGEST_VALUE = 6000  # MLflow's MAX_PARAM_VAL_LENGTH


@dataclass(frozen=True)
class RunRecord:
    """A run as MLflow stores it: flat metrics, parameters and tags under lawful names."""

    metrics: Mapping[str, float]
    parameters: Mapping[str, str]
    tags: Mapping[str, str]


def run_record(evaluation: Evaluation, manifest: Manifest, purpose: Purpose, evaluation_run_id: str | None) -> RunRecord:
    """Flatten what was measured and what it was made from.

    Metrics are `<metric>`, `<metric>.low`, `<metric>.high` (95 % interval), `baseline.<name>.<metric>` and
    `difference.<metric vs baseline>.low|high`. In a refit's run they carry the prefix `evaluation.`: they were measured on the fit that had
    not seen the last weeks, never on the refitted model itself.

    Args:
        evaluation: what the recipe measured.
        manifest: of the artifact that this run made.
        purpose: `evaluation` (the judged fit) or `refit` (the model that will serve).
        evaluation_run_id: of a refit, the run that judged the recipe.
    """
    metrics = dict(evaluation.metrics)
    metrics |= _bounds(evaluation.intervals)
    metrics |= {f"baseline.{b}.{m}": v for b, values in evaluation.baselines.items() for m, v in values.items()}
    metrics |= {f"difference.{k}": v for k, v in _bounds(evaluation.differences).items()}
    metrics |= {"rows": float(evaluation.rows), "seconds": evaluation.seconds}
    prefix = "evaluation." if purpose == "refit" else ""
    parameters = {**manifest.settings, **evaluation.parameters}
    tags = {
        "purpose": purpose,
        "model": evaluation.name,
        "kind": manifest.kind,
        "input_hash": manifest.input_hash,
        "feature_set_hash": manifest.feature_set_hash,
        "git_commit": manifest.git_commit,
        "data_from": manifest.data_from.isoformat(),
        "data_until": manifest.data_until.isoformat(),
        "mlflow.source.git.commit": manifest.git_commit,
        "mlflow.note.content": "\n\n".join([evaluation.protocol, *evaluation.notes])[:_LONGEST_VALUE],
    }
    if evaluation_run_id is not None:
        tags["evaluation_run_id"] = evaluation_run_id
    return RunRecord(
        metrics={lawful_name(prefix + k): float(v) for k, v in metrics.items()},
        parameters={lawful_name(k): str(v)[:_LONGEST_VALUE] for k, v in flattened(parameters).items()},
        tags={k: v for k, v in tags.items() if v},
    )


def write_run_files(folder: Path, evaluation: Evaluation, manifest: Manifest, purpose: Purpose) -> None:
    """Write `evaluation.json` and `manifest.json` into a run's folder, and one PNG a plot when the run is the evaluation itself.

    A refit's run names the evaluation that judged it: the plots are there, and drawing them once more would cost seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "evaluation.json").write_text(evaluation.model_dump_json(indent=2), encoding="utf-8")
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2), encoding="utf-8")
    if purpose != "evaluation":
        return
    plots: dict[str, list[Curve]] = {}
    for curve in evaluation.curves:
        plots.setdefault(curve.plot, []).append(curve)
    for number, (title, curves) in enumerate(plots.items(), start=1):
        slug = re.sub(r"[^A-Za-z0-9]+", "-", title).strip("-").lower()
        target = folder / "plots" / f"{number:02d}-{slug or 'plot'}.png"
        target.parent.mkdir(exist_ok=True)
        with warnings.catch_warnings():
            # A shop's own words may lack a glyph in the plot's font: a box is drawn there, and evaluation.json holds the words.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            draw(title, curves).savefig(target, dpi=110)


def draw(title: str, curves: list[Curve]) -> Figure:
    """Draw the curves of one plot. `Figure` without pyplot keeps no global state and needs no display."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.4))  # the constrained layout would draw everything twice, for labels that fit anyway
    axes = figure.add_subplot()
    for curve in curves:
        if curve.style == "bars":
            axes.bar([f"{x:g}" for x in curve.x], curve.y, label=curve.label, alpha=0.7)
        elif curve.style == "points":
            axes.plot(curve.x, curve.y, "o", label=curve.label)
        elif curve.style == "diagonal":
            axes.plot(curve.x, curve.y, "--", color="grey", label=curve.label)
        else:
            axes.plot(curve.x, curve.y, label=curve.label)
    axes.set(title=title, xlabel=curves[0].x_label, ylabel=curves[0].y_label)
    axes.legend()
    return figure


def lawful_name(name: str) -> str:
    """A name MLflow accepts: `recall@10` becomes `recall_at_10`, other signs become `_`."""
    return _UNLAWFUL.sub("_", name.replace("@", "_at_"))[:_LONGEST_NAME]


def flattened(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested settings as one level: `{"lightgbm": {"leaves": 7}}` becomes `{"lightgbm.leaves": 7}`."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{above}{key}"
        flat |= flattened(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return flat


def _bounds(intervals: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    return {f"{k}.{side}": bound for k, pair in intervals.items() for side, bound in zip(("low", "high"), pair, strict=True)}
