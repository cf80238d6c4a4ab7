"""The response study: who answers a campaign's mailing, learned from earlier campaigns, judged on later ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from features.errors import TooLittleHistory
from features.warehouse import Warehouse
from training.datasets.mailing_rows import MailingRows, mailing_rows
from training.evaluation.classification import (
    BootstrapWeights,
    auc,
    average_precision,
    expected_calibration_error,
    gain,
    interval,
    log_loss,
)
from training.recipe import Curve
from training.studies.mailings.contenders import DATA
from training.studies.study import Arrays, Interval, Judgement, Prepared, Tell
from training.studies.uplift.history import needed_experiment

Array = NDArray[np.float64]
_LATER = 0.3  # share of the mailings that is judged
_LEAST = 30  # answers needed before and after the split


@dataclass
class MailingStudy:
    """Who answers a mailing?

    Attributes:
        warehouse: the history.
        now: the end of what was observed.
    """

    name: ClassVar[str] = "response, not uplift"
    contenders: ClassVar[str] = "training.studies.mailings.contenders"
    own: ClassVar[str] = "response model"
    headline: ClassVar[tuple[str, ...]] = (
        "redeemed auc", "redeemed ap", "redeemed log loss", "bought auc", "bought ap", "bought log loss",
    )  # fmt: skip

    warehouse: Warehouse
    now: datetime
    _rows: MailingRows | None = field(default=None, init=False)
    _later: NDArray[np.bool_] | None = field(default=None, init=False)

    def prepare(self, folder: Path, tell: Tell) -> Prepared:
        """Build the rows and split them at a moment: learned from campaigns over by then, judged on those sent from then on.

        Raises:
            TooLittleHistory: too few mailings or answers on either side.
        """
        tell("mailings, orders and redemptions")
        rows = self._rows = mailing_rows(self.warehouse, self.now)
        start = np.sort(rows.sent)[int((1 - _LATER) * len(rows.sent))]
        later, earlier = rows.sent >= start, rows.ended < start
        self._later = later
        usable = {n: a for n, a in rows.answers.items() if all(_LEAST <= a[m].sum() <= m.sum() - _LEAST for m in (earlier, later))}
        if not usable:
            raise TooLittleHistory(
                f"{int(earlier.sum()):,} mailings of campaigns over by {_day(start)} and {int(later.sum()):,} sent from then on hold too "
                f"few answers: {_LEAST} redemptions or purchases of the campaign's products are needed on either side."
            )
        self._rows = MailingRows(rows.inputs, usable, rows.customer, rows.sent, rows.ended)
        np.savez(
            folder / f"{DATA}.npz",
            allow_pickle=False,
            inputs=rows.inputs[earlier],
            later=rows.inputs[later],
            **{f"answer {name}": answer[earlier] for name, answer in usable.items()},
        )
        return Prepared(
            dataset=f"mailings of {self.warehouse.report.get('source', 'the history')}",
            protocol=(
                f"Response, not uplift. Learned from mailings of campaigns that were over before {_day(start)}, judged on those sent from "
                "then on whose campaign is over; inputs are what was known when the mailing was sent. Outcomes while the campaign ran: "
                "redeemed = a coupon of the campaign, bought = a product of the campaign. Intervals by bootstrap of customers."
            ),
            facts={
                "mailings learned from": int(earlier.sum()),
                "mailings judged": int(later.sum()),
                "customers judged": len(np.unique(rows.customer[later])),
                **{f"{name} of the judged": round(float(answer[later].mean()), 4) for name, answer in usable.items()},
            },
            notes=needed_experiment(self.warehouse),
        )

    def judge(self, answers: Mapping[str, Arrays], seed: int) -> Judgement:
        """Discrimination, log loss and calibration of every contender, and paired differences to our own."""
        assert self._rows is not None  # noqa: S101 - prepare comes first
        assert self._later is not None  # noqa: S101
        weights = BootstrapWeights.draw(self._rows.customer[self._later], seed=seed)
        metrics: dict[str, dict[str, float]] = {name: {} for name in answers}
        intervals: dict[str, dict[str, Interval]] = {name: {} for name in answers}
        differences: dict[str, dict[str, Interval]] = {name: {} for name in answers if name != self.own}
        curves = []
        for outcome, everybody in self._rows.answers.items():
            y = everybody[self._later]
            drawn = {}
            for name, answer in answers.items():
                p = answer[outcome]
                metrics[name] |= {
                    f"{outcome} auc": auc(y, p),
                    f"{outcome} ap": average_precision(y, p),
                    f"{outcome} log loss": log_loss(y, p),
                    f"{outcome} calibration error": expected_calibration_error(y, p),
                }
                drawn[name] = {f"{outcome} auc": weights.auc(y, p), f"{outcome} log loss": weights.log_loss(y, p)}
                intervals[name] |= {metric: interval(draws) for metric, draws in drawn[name].items()}
                x, found = gain(y, p)
                plot = f"{outcome}: share found"
                curves.append(Curve(plot=plot, label=name, x_label="share mailed", y_label="share of answers", x=x, y=found))
            for name in differences:
                differences[name] |= {metric: interval(drawn[self.own][metric] - draws) for metric, draws in drawn[name].items()}
        return Judgement(metrics=metrics, intervals=intervals, differences=differences, curves=curves)


def _day(micros: int) -> str:
    return str(np.datetime64(int(micros), "us").astype("datetime64[D]"))
