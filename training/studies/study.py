"""What a study is: a question, the data it is asked of, the models that answer, and the judge.

The parent process prepares the data once, without the answers that the models are judged by, and judges. Every model, a *contender*, fits
and predicts in a child process of its own, so that its time and memory are its own and it cannot see what it is judged by.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from features.errors import HuitouError
from training.recipe import Curve

Arrays = dict[str, NDArray[Any]]
Interval = tuple[float, float]
Tell = Callable[[str], None]
Settings = TypeVar("Settings", bound=BaseModel)


class NotAnswered(HuitouError):
    """A contender cannot answer this question on this data (says why); its row stays, with the reason instead of figures."""


class StudyRefused(HuitouError):
    """The files or options of a study do not fit (names the file, line, column or option and the remedy)."""


@dataclass(frozen=True)
class Prepared:
    """What the parent has made of the user's files.

    Attributes:
        dataset: its name, for the table.
        protocol: sentences: what was hidden, from when to when, which rows are judged, how ties and ideals are cut.
        facts: sizes a reader needs, e.g. `{"customers": 23570}`.
        notes: what was odd in the data, e.g. how many test users are unknown.
    """

    dataset: str
    protocol: str
    facts: dict[str, int | float | str]
    notes: list[str] = field(default_factory=list)


@dataclass
class Task:
    """What a contender gets in its child process.

    Attributes:
        folder: what `Study.prepare` wrote.
        seed: of everything random.
        threads: most threads.
        budget_s: seconds for tuning; 0 takes the shipped settings.
        fixed: settings the user gave for this contender; then nothing is tuned.
        tell: names the part that begins.
        seconds: `tune`, `fit`, `predict` → wall time, filled by the stop-watches.
        used: settings the answer rests on; the contender fills it.
        notes: what a reader must know of this row; the contender fills it.
    """

    folder: Path
    seed: int
    threads: int
    budget_s: float
    fixed: Mapping[str, Any] | None
    tell: Tell
    seconds: dict[str, float] = field(default_factory=lambda: {"tune": 0.0, "fit": 0.0, "predict": 0.0})
    used: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def tuning(self) -> contextlib.AbstractContextManager[None]:
        """Stop-watch around the choice of settings."""
        return self._watch("tune")

    def fitting(self) -> contextlib.AbstractContextManager[None]:
        """Stop-watch around the fit."""
        return self._watch("fit")

    def predicting(self) -> contextlib.AbstractContextManager[None]:
        """Stop-watch around the predictions."""
        return self._watch("predict")

    def settings(self, default: Settings, tune: Callable[[], Settings] | None = None) -> Settings:
        """The settings to fit with: the user's, else tuned ones when there is a budget, else the shipped ones; noted in `used`.

        Args:
            default: shipped settings.
            tune: chooses settings within `budget_s`, on training data only.

        Raises:
            StudyRefused: the user's settings do not fit.
        """
        if self.fixed is not None:
            chosen = _fixed(default, self.fixed)
        elif tune is not None and self.budget_s > 0:
            with self.tuning():
                chosen = tune()
        else:
            chosen = default
        self.used |= chosen.model_dump(mode="json")
        return chosen

    def arrays(self, name: str) -> Arrays:
        """A prepared `.npz`, opened without pickle."""
        with np.load(self.folder / f"{name}.npz", allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}

    @contextlib.contextmanager
    def _watch(self, part: str) -> Iterator[None]:
        started = time.perf_counter()
        self.tell({"tune": "tuning", "fit": "fitting", "predict": "predicting"}[part])
        try:
            yield
        finally:
            self.seconds[part] += time.perf_counter() - started


class Contender(Protocol):
    """One row: a model or baseline that answers the question."""

    @property
    def name(self) -> str:
        """As the table shows it."""
        ...

    def answer(self, task: Task) -> Arrays:
        """Tune, fit and predict from `task.folder`.

        Returns:
            Arrays for the judge, numbers or fixed-width strings.

        Raises:
            NotAnswered: it cannot answer on this data.
        """
        ...


class Judgement(BaseModel):
    """What the judge found.

    Attributes:
        metrics: contender → metric → value.
        intervals: contender → metric → 95 % interval.
        differences: contender → metric → 95 % interval of the paired difference, own model − contender.
        curves: of the page's plots.
        notes: what a reader must know.
    """

    model_config = ConfigDict(frozen=True)

    metrics: dict[str, dict[str, float]]
    intervals: dict[str, dict[str, Interval]] = {}
    differences: dict[str, dict[str, Interval]] = {}
    curves: list[Curve] = []
    notes: list[str] = []


class Study(Protocol):
    """One question asked of one data set; built by a command from the user's options, unopened until `prepare`."""

    name: ClassVar[str]
    contenders: ClassVar[str]  # module with `CONTENDERS`, a tuple of them in the order of the table
    own: ClassVar[str]  # the contender that is ours; differences are taken from it

    @property
    def headline(self) -> tuple[str, ...]:
        """Metrics the terminal shows, those of them that exist; the rest is in JSON and page."""
        ...

    def prepare(self, folder: Path, tell: Tell) -> Prepared:
        """Read and check the files, write what contenders may see into `folder`, keep what they are judged by.

        Raises:
            HuitouError: what is wrong, where, and the remedy.
        """
        ...

    def judge(self, answers: Mapping[str, Arrays], seed: int) -> Judgement:
        """Judge the answers that were given, in the order of the table."""
        ...


class Row(BaseModel):
    """One contender's row, as the JSON shows it.

    Attributes:
        model: contender.
        metrics: metric → value; empty when it did not answer.
        interval: metric → 95 % interval.
        difference: metric → 95 % interval of own model − this one, the same rows drawn.
        fit_s, predict_s, tune_s: wall seconds.
        peak_mb: the child's peak resident memory, Python and libraries included.
        settings: what the answer rests on; `--settings` fixes them.
        notes: what a reader must know.
        reason: why there are no figures, else "".
    """

    model: str
    metrics: dict[str, float] = {}
    interval: dict[str, Interval] = {}
    difference: dict[str, Interval] = {}
    fit_s: float = 0.0
    predict_s: float = 0.0
    tune_s: float = 0.0
    peak_mb: float = 0.0
    settings: dict[str, Any] = {}
    notes: list[str] = []
    reason: str = ""


class Table(BaseModel):
    """The whole answer, as the JSON shows it."""

    study: str
    dataset: str
    protocol: str
    facts: dict[str, int | float | str] = {}
    own: str
    headline: list[str]
    seed: int
    rows: list[Row]
    curves: list[Curve] = []
    notes: list[str] = []
    seconds: float = 0.0
    huitou_version: str = ""


def _fixed(default: Settings, given: Mapping[str, Any]) -> Settings:
    unknown = sorted(set(given) - set(type(default).model_fields))
    if unknown:
        known = ", ".join(type(default).model_fields) or "none"
        raise StudyRefused(f"--settings: there is no setting {', '.join(unknown)} here; there are: {known}.")
    try:
        return type(default).model_validate({**default.model_dump(), **given})
    except ValidationError as error:
        first = error.errors()[0]
        raise StudyRefused(f"--settings: {'.'.join(map(str, first['loc']))}: {first['msg']}.") from error
