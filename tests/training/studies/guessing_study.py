"""A study in miniature for the frame's own tests: guess numbers; one contender answers, one cannot, one fails, one is refused."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from training.recipe import Curve
from training.studies.study import Arrays, Judgement, NotAnswered, Prepared, StudyRefused, Task, Tell
from training.studies.tuning import Between, search


class Shift(BaseModel):
    model_config = ConfigDict(frozen=True)

    by: float = 0.5


class Guess:
    name = "guess"

    def answer(self, task: Task) -> Arrays:
        seen = task.arrays("seen")["x"]
        settings = task.settings(Shift(), lambda: self._tuned(task, seen))
        with task.fitting():
            ballast = np.ones(30_000_000)  # 240 MB that the parent must not be charged with
        with task.predicting():
            guess = seen + settings.by * ballast[0]
        sys.stdout.write("a library that prints\n")
        return {"guess": guess}

    def _tuned(self, task: Task, seen: np.ndarray) -> Shift:
        space = {"by": Between(0.0, 2.0)}
        return search(Shift(), space, lambda s: -abs(s.by - 1.0), budget_s=task.budget_s, seed=task.seed, tell=task.tell, most_trials=30)


class Silent:
    name = "silent"

    def answer(self, task: Task) -> Arrays:
        raise NotAnswered("there are more than 20,000 items")


class Broken:
    name = "broken"

    def answer(self, task: Task) -> Arrays:
        raise ZeroDivisionError("one over nothing")


CONTENDERS = (Guess(), Silent(), Broken())


@dataclass(frozen=True)
class GuessingStudy:
    """The truth is what is seen plus one."""

    name: ClassVar[str] = "guessing"
    contenders: ClassVar[str] = "tests.training.studies.guessing_study"
    own: ClassVar[str] = "guess"
    headline: ClassVar[tuple[str, ...]] = ("mae", "never_measured")

    size: int = 50

    def prepare(self, folder: Path, tell: Tell) -> Prepared:
        if not self.size:
            raise StudyRefused("numbers.txt is empty.")
        tell("drawing numbers")
        np.savez(folder / "seen.npz", x=np.arange(self.size, dtype=np.float64))
        return Prepared("numbers", "The number after each.", {"numbers": self.size}, ["nothing odd"])

    def judge(self, answers: Mapping[str, Arrays], seed: int) -> Judgement:
        truth = np.arange(self.size) + 1.0
        mae = {name: float(np.abs(a["guess"] - truth).mean()) for name, a in answers.items()}
        return Judgement(
            metrics={name: {"mae": value} for name, value in mae.items()},
            intervals={name: {"mae": (value - 0.1, value + 0.1)} for name, value in mae.items()},
            differences={name: {"mae": (-0.1, 0.1)} for name in mae if name != "guess"},
            curves=[Curve(plot="Guesses", label=n, x_label="x", y_label="y", x=[0.0, 1.0], y=[0.0, v]) for n, v in mae.items()],
        )
