"""The churn study: what is refused, what contenders may see, how answers are judged, and one run in a child process."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from features.errors import HuitouError
from features.settings import FeatureSettings
from tests.training.seeded_shop import START, arrivals
from training.models.return_hazard import ReturnHazardConfig
from training.studies.churn.contenders import CONTENDERS, HISTORY, JUDGED, answer_key, inner_dates
from training.studies.churn.contenders import Plan as ChurnPlan
from training.studies.churn.judgement import judge_answers
from training.studies.churn.snapshots import Dates, snapshots_of
from training.studies.churn.study import MOST_SNAPSHOTS, ChurnStudy, Source
from training.studies.order_log import OrderColumns
from training.studies.study import Task

AS_OF = (datetime(2023, 7, 30, tzinfo=UTC), datetime(2023, 8, 27, tzinfo=UTC))


def quiet(_: str) -> None:
    return None


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "orders.csv"
    pl.DataFrame(arrivals(customers=120), schema=["who", "at"], orient="row").write_csv(path)
    return path


def study(log: Path, **options: object) -> ChurnStudy:
    chosen = {"as_of": AS_OF, "horizons": (14, 28), "train_until": None, "settings": FeatureSettings(threads=1), "seed": 1, **options}
    return ChurnStudy(Source(log, OrderColumns("who", "at")), **chosen)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def prepared(log: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[ChurnStudy, Path]:
    asked, folder = study(log), tmp_path_factory.mktemp("prepared")
    told = asked.prepare(folder, quiet)
    assert told.facts["customers"] == 120
    assert "2023-07-30, 2023-08-27" in told.protocol
    return asked, folder


def task(folder: Path, **given: object) -> Task:
    return Task(folder, seed=1, threads=1, budget_s=0.0, fixed=None, tell=quiet, **given)  # type: ignore[arg-type]


def test_contenders_see_no_answer(prepared: tuple[ChurnStudy, Path]) -> None:
    _, folder = prepared
    history, judged = (snapshots_of(task(folder).arrays(name)) for name in (HISTORY, JUDGED))
    assert np.isnan(judged.wait).all()
    until = np.datetime64(AS_OF[0].replace(tzinfo=None), "us")
    known = np.isfinite(history.wait)
    assert (history.as_of <= until).all()
    # No wait that a contender is told of ends after the last training label.
    assert (history.as_of[known] + (history.wait[known] * 86_400e6).astype("timedelta64[us]") <= until).all()
    assert known.any()
    assert np.unique(judged.as_of).tolist() == [date.replace(tzinfo=None) for date in AS_OF]


def test_features_do_not_know_the_future(log: Path, prepared: tuple[ChurnStudy, Path], tmp_path: Path) -> None:
    """The same past with another future after the last judged date: the same arrays."""
    orders = pl.read_csv(log, try_parse_dates=True)
    changed = tmp_path / "changed.csv"
    past = orders.filter(pl.col("at") <= AS_OF[1])
    later = orders.filter(pl.col("at") > AS_OF[1])
    pl.concat([past, later.gather_every(3)]).write_csv(changed)
    folder = tmp_path / "prepared"
    folder.mkdir()
    study(changed).prepare(folder, quiet)
    for name in (HISTORY, JUDGED):
        one, other = task(prepared[1]).arrays(name), task(folder).arrays(name)
        for key in ("stored", "wait"):
            np.testing.assert_allclose(one[key], other[key], rtol=1e-9, err_msg=f"{name}.{key}")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"as_of": (datetime(2031, 1, 1, tzinfo=UTC),)}, "--as-of 2031-01-01: the orders in orders.csv run from"),
        ({"as_of": (START - timedelta(days=3),)}, "choose a date between"),
        ({"horizons": (2000,)}, "--horizon 2000d: 2000 days after 2023-07-30 lie beyond the last order"),
        ({"train_until": AS_OF[1]}, "--train-until 2023-08-27 is a leak"),
        ({"train_until": START + timedelta(days=2)}, "fewer than two whole weeks"),
    ],
)
def test_dates_that_do_not_fit_are_refused(log: Path, options: dict[str, object], told: str, tmp_path: Path) -> None:
    with pytest.raises(HuitouError, match=told):
        study(log, **options).prepare(tmp_path, quiet)


def test_training_dates_step_back_from_the_first_judged_one() -> None:
    dates = Dates.back_from(AS_OF, until=AS_OF[0] - timedelta(days=4), first=AS_OF[0] - timedelta(days=30))
    assert dates.training == tuple(AS_OF[0] - timedelta(days=7 * i) for i in (3, 2, 1))


@pytest.mark.parametrize("contender", [c for c in CONTENDERS if c.name not in {"return hazard", "direct LightGBM"}], ids=lambda c: c.name)
def test_baselines_answer_with_probabilities(contender: object, prepared: tuple[ChurnStudy, Path]) -> None:
    asked, folder = prepared
    answers = contender.answer(task(folder))  # type: ignore[attr-defined]
    assert set(answers) == {answer_key(h) for h in asked.horizons}
    judged = asked.judge({"return hazard": answers}, seed=1)
    for horizon in asked.horizons:
        p = answers[answer_key(horizon)]
        assert ((p >= 0) & (p <= 1)).all()
        assert judged.metrics["return hazard"][f"auc_{horizon}d"] > 0.55


def test_our_own_row_answers_and_can_be_tuned(prepared: tuple[ChurnStudy, Path]) -> None:
    _, folder = prepared
    own = next(c for c in CONTENDERS if c.name == "return hazard")
    tuned = Task(folder, seed=1, threads=1, budget_s=0.01, fixed=None, tell=quiet)
    answers = own.answer(tuned)
    assert (answers[answer_key(28)] <= answers[answer_key(14)]).all()
    assert tuned.used["num_leaves"] >= 2
    assert tuned.seconds["tune"] > 0


def test_tuning_asks_an_earlier_question(prepared: tuple[ChurnStudy, Path]) -> None:
    history = snapshots_of(task(prepared[1]).arrays(HISTORY))
    found = inner_dates(history, ChurnPlan(until=AS_OF[0], horizons=(14, 28)))
    assert found is not None
    plan, horizon = found
    assert horizon == 14
    assert plan.until + timedelta(days=horizon) <= AS_OF[0]
    assert inner_dates(history.until(START + timedelta(days=14)), ChurnPlan(until=START + timedelta(days=14), horizons=(28,))) is None


def test_figures_are_the_known_ones_and_differences_are_paired(prepared: tuple[ChurnStudy, Path]) -> None:
    asked, folder = prepared
    judged = snapshots_of(task(folder).arrays(JUDGED))
    assert asked._judged is not None
    left = asked._judged.wait > 28
    rng = np.random.default_rng(1)
    good = np.clip(0.5 + 0.3 * (left - 0.5) + rng.normal(0, 0.2, len(left)), 0.01, 0.99)
    flat = np.full(len(left), left.mean())
    answers = {"return hazard": {"churn_28d": good}, "flat": {"churn_28d": flat}, "silent": {}}
    found = judge_answers(answers, asked._judged, (28,), own="return hazard", end=datetime(2030, 1, 1, tzinfo=UTC), seed=1)
    assert found.metrics["return hazard"]["auc_28d"] == pytest.approx(roc_auc_score(left, good))
    assert found.metrics["return hazard"]["average_precision_28d"] == pytest.approx(average_precision_score(left, good))
    assert found.metrics["flat"]["auc_28d"] == pytest.approx(0.5)
    assert found.metrics["flat"]["accuracy_28d"] == pytest.approx(max(left.mean(), 1 - left.mean()))
    assert found.differences["flat"]["auc_28d"][0] > 0
    assert found.metrics["silent"] == {}
    assert len(judged.wait) == len(left)


def test_the_study_draws_as_many_rows_as_the_product() -> None:
    assert ReturnHazardConfig().max_snapshots == MOST_SNAPSHOTS
