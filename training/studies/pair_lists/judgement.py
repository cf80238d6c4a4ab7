"""Judges ranked lists by what users took next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from training.evaluation.ranking import bootstrap_intervals, score_rankings
from training.recipe import Curve
from training.studies.study import Arrays, Judgement

_CURVE = (1, 2, 3, 5, 10, 15, 20, 30, 40)


@dataclass(frozen=True)
class Truth:
    """What the lists are judged by.

    Attributes:
        relevant: CSR `(n, columns)`, a row for each list: what was taken and can be ranked.
        wanted: `(n,)` how much was taken, what cannot be ranked included; > 0.
    """

    relevant: sparse.csr_matrix
    wanted: NDArray[np.int64]


def judge_lists(
    answers: Mapping[str, Arrays], truth: Truth, own: str, *, measures: Sequence[str], cuts: Sequence[int], seed: int
) -> Judgement:
    """Means over users, their bootstrap intervals over users, and paired differences to our model.

    Args:
        answers: contender → `lists` `(n, k)`, best first.
        truth: the same n users.
        own: whose differences are taken.
        measures: names without their cut, e.g. `recall`.
        cuts: k of each.
        seed: of the bootstrap.
    """
    none = sparse.csr_matrix(truth.relevant.shape, dtype=np.float32)  # nobody is recommended what they have
    wide = tuple(sorted({*cuts, *(k for k in _CURVE if k <= max(cuts))}))
    scores = {name: score_rankings(arrays["lists"], truth.relevant, truth.wanted, none, cuts=wide) for name, arrays in answers.items()}
    keys = [f"{measure}_{k}" for k in cuts for measure in measures]
    ours = scores[own].by_customer
    series = {
        (name, key, kind): values for name in scores for key in keys for kind, values in _series(scores[name].by_customer[key], ours[key])
    }
    intervals = dict(zip(series, bootstrap_intervals(list(series.values()), seed=seed), strict=True))
    return Judgement(
        metrics={
            name: {**{key: found.means()[key] for key in keys}, **{f"coverage_{k}": found.overall[f"coverage_{k}"] for k in cuts}}
            for name, found in scores.items()
        },
        intervals={name: {key: intervals[name, key, "own"] for key in keys} for name in scores},
        differences={name: {key: intervals[name, key, "paired"] for key in keys} for name in scores if name != own},
        curves=[
            Curve(
                plot=f"{label} by length of the list",
                label=name,
                x_label="length of the list",
                y_label=label,
                x=[float(k) for k in wide],
                y=[found.means()[f"{measure}_{k}"] for k in wide],
            )
            for measure, label in (("recall", "recall"), ("ndcg", "NDCG"))
            for name, found in scores.items()
        ],
    )


def _series(values: NDArray[np.float64], ours: NDArray[np.float64]) -> list[tuple[str, NDArray[np.float64]]]:
    return [("own", values), ("paired", ours - values)]
