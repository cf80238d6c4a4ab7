"""What every model's recipe promises: judge a fit that has not seen the last weeks, then fit again on everything.

A recipe is stateless; what it learns goes into an artifact folder, what it measured into an `Evaluation`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict

from features.settings import FeatureSettings
from features.warehouse import Warehouse
from training.artifacts.folder import Manifest


class Curve(BaseModel):
    """One line or bar series of a plot in the report.

    Attributes:
        plot: title of the plot that several curves share.
        label: legend entry.
        x, y: equal lengths.
    """

    model_config = ConfigDict(frozen=True)

    plot: str
    label: str
    x_label: str
    y_label: str
    x: list[float]
    y: list[float]
    style: Literal["line", "points", "bars", "diagonal"] = "line"


class GroupFigures(BaseModel):
    """The same probabilities within one group of customers.

    Attributes:
        customers, rows: how many were judged.
        observed: share of rows with the outcome.
        predicted: mean probability.
        gap: predicted − observed, with its 95 % interval over customers drawn with replacement.
        auc: within the group; None where it holds one outcome only.
    """

    model_config = ConfigDict(frozen=True)

    customers: int
    rows: int
    observed: float
    predicted: float
    gap: float
    gap_interval: tuple[float, float]
    auc: float | None
    auc_interval: tuple[float, float] | None


class Evaluation(BaseModel):
    """What was measured on data the judged fit did not see.

    Attributes:
        name: model name.
        protocol: one sentence: which dates, which rows, what was hidden.
        rows: number of judged rows.
        metrics: metric → value, e.g. `auc_28d`.
        intervals: metric → 95 % interval (cluster bootstrap by customer unless `protocol` says otherwise).
        baselines: baseline → metric → value, the same rows and metrics.
        differences: `metric vs baseline` → 95 % interval of the paired difference.
        parameters: what was chosen, for the tracker.
        groups: group of customers (`attribute: group`) → the same probabilities within it.
        curves: data of the report's plots.
        notes: what a reader must know (what could not be trained, what fell short).
        seconds: wall time of fitting and judging.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    protocol: str
    rows: int
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]] = {}
    baselines: dict[str, dict[str, float]] = {}
    differences: dict[str, tuple[float, float]] = {}
    parameters: dict[str, str | int | float] = {}
    groups: dict[str, GroupFigures] = {}
    curves: list[Curve] = []
    notes: list[str] = []
    seconds: float = 0.0


def _silent(_: str) -> None:
    return None


@dataclass(frozen=True)
class TrainingData:
    """Everything a recipe may read.

    Attributes:
        settings: folders, threads.
        warehouse: the imported history.
        now: the clock; nothing after it exists. For historical data the last event.
        seed: for everything random.
        tell: progress; called with a short phrase as each part begins.
    """

    settings: FeatureSettings
    warehouse: Warehouse
    now: datetime
    seed: int = 20170101
    tell: Callable[[str], None] = field(default=_silent)


class Recipe(Protocol):
    """How one model comes to be."""

    @property
    def name(self) -> str:
        """Registered model name."""
        ...

    def evaluate(self, data: TrainingData, folder: Path) -> Evaluation:
        """Fit on the past, write that artifact into `folder`, judge it on the last unseen weeks beside its baselines.

        Raises:
            TooLittleHistory: the history cannot carry this model; the message says what would be needed.
        """
        ...

    def refit(self, data: TrainingData, folder: Path, evaluation: Evaluation) -> Manifest:
        """Fit on everything up to the last closed label and write the artifact that will serve."""
        ...
