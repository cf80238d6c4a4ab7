"""The purchases study: what contenders may see, how answers are judged, and that every row answers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.errors import HuitouError
from features.settings import FeatureSettings
from tests.training.seeded_shop import arrivals
from training.studies.churn.contenders import HISTORY, JUDGED
from training.studies.churn.snapshots import snapshots_of
from training.studies.churn.study import Source
from training.studies.order_log import OrderColumns
from training.studies.purchases.contenders import CONTENDERS, ORDER_DAYS, OWN, answer_key, order_days_of
from training.studies.purchases.study import PurchasesStudy
from training.studies.study import Arrays, Task

AS_OF = datetime(2023, 7, 30, tzinfo=UTC)
HORIZON = 56


def quiet(_: str) -> None:
    return None


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "orders.csv"
    orders = pl.DataFrame(arrivals(customers=150), schema=["who", "at"], orient="row")
    orders.with_columns(paid=5.0 + pl.int_range(pl.len()) % 20).write_csv(path)
    return path


def study(log: Path, *, amount: str | None = "paid", as_of: datetime = AS_OF) -> PurchasesStudy:
    return PurchasesStudy(Source(log, OrderColumns("who", "at", amount)), as_of, (HORIZON,), FeatureSettings(threads=1), seed=1)


@pytest.fixture(scope="module")
def prepared(log: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[PurchasesStudy, Path]:
    asked, folder = study(log), tmp_path_factory.mktemp("prepared")
    told = asked.prepare(folder, quiet)
    assert told.facts["customers judged"] > 100
    assert "2023-07-30" in told.protocol
    return asked, folder


@pytest.fixture(scope="module")
def answers(prepared: tuple[PurchasesStudy, Path]) -> dict[str, Arrays]:
    return {contender.name: contender.answer(task(prepared[1], contender.name)) for contender in CONTENDERS}


def task(folder: Path, name: str = "") -> Task:
    small = {"rounds": 20, "min_data_in_leaf": 20, "simulated_customers": 30, "paths": 2} if name == OWN else None
    return Task(folder, seed=1, threads=1, budget_s=0.0, fixed=small, tell=quiet)


def test_contenders_see_no_answer(prepared: tuple[PurchasesStudy, Path]) -> None:
    seen = task(prepared[1])
    until = np.datetime64(AS_OF.replace(tzinfo=None), "us")
    for name in (HISTORY, JUDGED):
        snapshots = snapshots_of(seen.arrays(name))
        known = np.isfinite(snapshots.wait)
        assert (snapshots.as_of[known] + (snapshots.wait[known] * 86_400e6).astype("timedelta64[us]") <= until).all()
    days = order_days_of(seen.arrays(ORDER_DAYS))
    assert (days.key % days.span + days.start <= until.astype(np.int64)).all()


def test_outcomes_are_what_the_file_says(log: Path, prepared: tuple[PurchasesStudy, Path], answers: dict[str, Arrays]) -> None:
    orders = pl.read_csv(log, try_parse_dates=True).with_columns(pl.col("at").dt.replace_time_zone("UTC"))
    end = pl.lit(AS_OF) + pl.duration(days=HORIZON)
    later = orders.filter((pl.col("at") > AS_OF) & (pl.col("at") <= end) & pl.col("who").is_in(orders.filter(pl.col("at") <= AS_OF)["who"]))
    judged = snapshots_of(task(prepared[1]).arrays(JUDGED))
    perfect = {
        answer_key("orders", HORIZON): later.select("who", pl.col("at").dt.date()).unique().group_by("who").len(),
        answer_key("spend", HORIZON): later.group_by("who").agg(pl.col("paid").sum().alias("len")),
    }
    arrays = {key: np.array([dict(found.iter_rows()).get(who, 0.0) for who in judged.customer_id], float) for key, found in perfect.items()}
    metrics = prepared[0].judge({OWN: answers[OWN], "perfect": arrays}, seed=1).metrics["perfect"]
    assert metrics[f"orders_mae_{HORIZON}d"] == 0
    assert metrics[f"spend_mae_{HORIZON}d"] == 0
    assert metrics[f"orders_correlation_{HORIZON}d"] == pytest.approx(1)


def test_every_row_answers_and_is_judged(prepared: tuple[PurchasesStudy, Path], answers: dict[str, Arrays]) -> None:
    judgement = prepared[0].judge(answers, seed=1)
    assert set(judgement.metrics) == {c.name for c in CONTENDERS}
    for figures in judgement.metrics.values():
        assert set(prepared[0].headline) <= set(figures)
        assert all(np.isfinite(value) for value in figures.values())
    assert set(judgement.differences) == {c.name for c in CONTENDERS} - {OWN}
    assert f"spend_coverage_{HORIZON}d" in judgement.metrics[OWN]
    assert f"orders_ratio_17_{HORIZON}d" in judgement.metrics[OWN]
    assert {curve.label for curve in judgement.curves} == {*(c.name for c in CONTENDERS), "observed"}


def test_without_amounts_only_orders_are_judged(log: Path, tmp_path: Path) -> None:
    asked = study(log, amount=None)
    told = asked.prepare(tmp_path, quiet)
    assert any("--amount" in note for note in told.notes)
    found = {c.name: c.answer(task(tmp_path, c.name)) for c in CONTENDERS if c.name != "Pareto/NBD, gamma–gamma"}
    assert not any(name.startswith("spend") for figures in asked.judge(found, seed=1).metrics.values() for name in figures)


def test_a_date_outside_the_history_is_refused(log: Path, tmp_path: Path) -> None:
    with pytest.raises(HuitouError, match="choose a date between"):
        study(log, as_of=datetime(2025, 1, 1, tzinfo=UTC)).prepare(tmp_path, quiet)


def test_a_time_in_which_nobody_orders_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "asleep.csv"
    orders = pl.DataFrame(arrivals(customers=60), schema=["who", "at"], orient="row").with_columns(pl.col("at").cast(pl.String))
    early = orders.filter(pl.col("at").str.slice(0, 10) < "2023-07-30")
    stranger = pl.DataFrame({"who": ["late"], "at": ["2023-12-30 10:00:00"]}, schema_overrides={"who": orders.schema["who"]}, strict=False)
    pl.concat([early.cast({"who": pl.String}), stranger.cast({"who": pl.String})], how="vertical_relaxed").write_csv(path)
    with pytest.raises(HuitouError, match=r"--horizon 56d: no customer with an order by 2023-07-30 ordered within it"):
        study(path, amount=None).prepare(tmp_path, quiet)
