"""Judges next baskets: means over the test users of each split, then over splits; intervals by a bootstrap over users."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from training.evaluation.classification import interval
from training.evaluation.next_basket import score_baskets
from training.recipe import Curve
from training.studies.baskets.basket_set import BasketSet
from training.studies.baskets.contenders import LENGTH, OWN
from training.studies.baskets.ground import write_ground
from training.studies.study import Arrays, Interval, Judgement, Prepared, Tell

Floats = NDArray[np.float64]

DRAWS = 500  # the 2.5 % quantile of 500 draws is stable to about a fourteenth of the interval's width
CUTS = (10, 20)

_RULES = (
    "Every user may have bought every item before (repeat) or not (explore), and both compete for the places of one list. The ideal DCG is "
    "not cut at k; PHR is the share of users with any hit; repeat and explore recall are over the users whose next basket has such items. "
    "Everybody's histories may be used; next baskets are learned from for a split's train users only, as the published neural methods do; "
    "settings are chosen on validation users whom no split tests. Figures: mean over test users, then over splits. Intervals: 95 % of a "
    "bootstrap of users, one who is tested in several splits drawn with all of them."
)


class BasketsStudy:
    """What does each user's next basket hold?"""

    name: ClassVar[str] = "baskets"
    contenders: ClassVar[str] = "training.studies.baskets.contenders"
    own: ClassVar[str] = OWN
    headline: ClassVar[tuple[str, ...]] = (
        "recall_10",
        "ndcg_10",
        "phr_10",
        "repeat_recall_10",
        "explore_recall_10",
        "recall_20",
        "ndcg_20",
        "phr_20",
    )

    def __init__(self, read: Callable[[Tell], BasketSet]) -> None:
        """Take the reader of the user's files; it is called in `prepare`."""
        self._read = read
        self._given: BasketSet | None = None

    def prepare(self, folder: Path, tell: Tell) -> Prepared:
        """See `training.studies.study.Study`."""
        given = self._given = self._read(tell)
        note = write_ground(given, folder)
        histories = given.histories
        facts: dict[str, int | float | str] = {
            "users": histories.users,
            "items": histories.items,
            "baskets": int(histories.baskets.sum()),
            "splits": len(given.splits),
            "test users": int(np.mean([len(split.test) for split in given.splits])),
            "train users": int(np.mean([len(split.train) for split in given.splits])),
        }
        return Prepared(given.name, f"{given.protocol} {_RULES}", facts, [*given.notes, *([note] if note else [])])

    def judge(self, answers: Mapping[str, Arrays], seed: int) -> Judgement:
        """See `training.studies.study.Study`."""
        given = self._given
        assert given is not None  # noqa: S101 - the runner prepares first
        users = [split.test for split in given.splits]
        scores = {name: self._scores(given, lists) for name, lists in answers.items()}
        draws = UserDraws.of(users, seed)
        metrics: dict[str, dict[str, float]] = {}
        drawn: dict[str, dict[str, Floats]] = {}
        for name, by_split in scores.items():
            metrics[name], drawn[name] = {}, {}
            for metric in by_split[0]:
                values = [split[metric] for split in by_split]
                if any(np.isfinite(value).any() for value in values):
                    metrics[name][metric], drawn[name][metric] = draws.mean(values)
        own = drawn[self.own]
        intervals = {name: {metric: _interval(d) for metric, d in by.items()} for name, by in drawn.items()}
        differences = {
            name: {metric: _interval(own[metric] - d) for metric, d in by.items()} for name, by in drawn.items() if name != self.own
        }
        curves = [curve for name, lists in answers.items() for curve in self._curves(given, name, lists)]
        return Judgement(metrics=metrics, intervals=intervals, differences=differences, curves=curves)

    @staticmethod
    def _scores(given: BasketSet, lists: Arrays) -> list[dict[str, Floats]]:
        owned = given.owned
        return [
            score_baskets(lists[f"split_{number}"], given.next_baskets[split.test], owned[split.test], cuts=CUTS)
            for number, split in enumerate(given.splits)
        ]

    @staticmethod
    def _curves(given: BasketSet, name: str, lists: Arrays) -> list[Curve]:
        """Recall by length of the list, and by length of the history."""
        split, best = given.splits[0], lists["split_0"]
        owned, wanted = given.owned[split.test], given.next_baskets[split.test]
        places = list(range(1, LENGTH + 1))
        recall = [float(score_baskets(best, wanted, owned, cuts=(k,))[f"recall_{k}"].mean()) for k in places]
        at_ten = score_baskets(best, wanted, owned, cuts=(10,))["recall_10"]
        baskets = given.histories.baskets[split.test]
        bounds = np.unique(np.quantile(baskets, (0.0, 0.2, 0.4, 0.6, 0.8)))
        group = np.searchsorted(bounds, baskets, side="right") - 1
        present = np.unique(group)
        return [
            Curve(
                plot="Recall by places (first split)", label=name, x_label="places", y_label="recall", x=list(map(float, places)), y=recall
            ),
            Curve(
                plot="Recall at 10 by length of the history (first split)",
                label=name,
                x_label="baskets known (mean of a fifth of the users)",
                y_label="recall at 10",
                x=[float(baskets[group == one].mean()) for one in present],
                y=[float(at_ten[group == one].mean()) for one in present],
            ),
        ]


class UserDraws:
    """Bootstrap draws of whole users over several splits."""

    def __init__(self, rows: list[NDArray[np.int64]], weight: Floats) -> None:
        """Take each split's rows into the distinct users, and how often each draw holds a user, `(draws, users)`."""
        self._rows, self._weight = rows, weight

    @classmethod
    def of(cls, users: list[NDArray[np.int64]], seed: int) -> UserDraws:
        """Draw the users of all splits, `users` per split."""
        everybody = np.unique(np.concatenate(users))
        n = len(everybody)
        weight = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=DRAWS).astype(np.float64)
        return cls([np.searchsorted(everybody, one) for one in users], weight)

    def mean(self, values: list[Floats]) -> tuple[float, Floats]:
        """Mean over users, then over splits, and the same of every draw; NaN values are left out.

        Args:
            values: per split `(test users,)`; some value is not NaN.
        """
        means, drawn = [], []
        for rows, value in zip(self._rows, values, strict=True):
            known = np.isfinite(value)
            if not known.any():
                continue
            weight = self._weight[:, rows[known]]
            means.append(float(value[known].mean()))
            with np.errstate(invalid="ignore", divide="ignore"):
                drawn.append(weight @ value[known] / weight.sum(axis=1))
        return float(np.mean(means)), np.mean(drawn, axis=0)


def _interval(draws: Floats) -> Interval:
    return interval(draws[np.isfinite(draws)])
