"""Fitting Pareto/NBD: known parameters found again, and the published figures of CDNOW."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from features.errors import TooLittleHistory
from tests.training.models.test_bgnbd import cdnow_file
from training.artifacts.pareto_nbd import ParetoNbd
from training.evaluation.classification import auc, log_loss
from training.models.pareto_nbd import fit_pareto_nbd


def simulate(truth: ParetoNbd, n: int, age: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Histories of the process itself: (repeats, last, age)."""
    rng = np.random.default_rng(seed)
    rate, lifetime = rng.gamma(truth.r, 1 / truth.alpha, n), rng.exponential(1 / rng.gamma(truth.s, 1 / truth.beta, n))
    end = np.minimum(lifetime, age)
    repeats = rng.poisson(rate * end).astype(float)
    # The greatest of x uniform moments.
    last = np.where(repeats > 0, end * rng.random(n) ** (1 / np.maximum(repeats, 1)), 0.0)
    return repeats, last, np.full(n, age)


def test_known_parameters_are_found_again() -> None:
    truth = ParetoNbd(r=0.8, alpha=10.0, s=0.9, beta=15.0)
    found = fit_pareto_nbd(*simulate(truth, 20_000, 60.0, seed=2))
    assert found.r == pytest.approx(truth.r, rel=0.06)
    assert found.alpha == pytest.approx(truth.alpha, rel=0.08)
    assert found.s == pytest.approx(truth.s, rel=0.15)
    assert found.beta == pytest.approx(truth.beta, rel=0.25)


def test_the_unit_of_time_does_not_matter() -> None:
    repeats, last, age = simulate(ParetoNbd(r=0.8, alpha=10.0, s=0.9, beta=15.0), 2_000, 60.0, seed=2)
    weeks, days = fit_pareto_nbd(repeats, last, age), fit_pareto_nbd(repeats, 7 * last, 7 * age)
    assert days.alpha == pytest.approx(7 * weeks.alpha, rel=1e-3)
    np.testing.assert_allclose(
        days.probability_silent(repeats, 7 * last, 7 * age, 28), weeks.probability_silent(repeats, last, age, 4), rtol=1e-3
    )


def test_nobody_who_returned_is_too_little_history() -> None:
    with pytest.raises(TooLittleHistory, match="Pareto/NBD needs at least one customer who bought on two days"):
        fit_pareto_nbd(np.zeros(10), np.zeros(10), np.full(10, 30.0))


@pytest.mark.parametrize("repeats", [[1.0], [5.0, 5.0, 5.0], [0.0, 0.0, 1.0]])
def test_thin_histories_give_finite_parameters(repeats: list[float]) -> None:
    x = np.array(repeats)
    last, age = np.where(x > 0, 20.0, 0.0), np.full(len(x), 30.0)
    model = fit_pareto_nbd(x, last, age)
    silent = model.probability_silent(x, last, age, 28.0)
    assert np.isfinite([model.r, model.alpha, model.s, model.beta]).all()
    assert ((silent >= 0) & (silent <= 1)).all()


def test_cdnow_gives_the_published_figures() -> None:
    """Calibrated on 1997, judged on any purchase in the first half of 1998; purchases of one day count once."""
    rows = pl.read_csv(cdnow_file().read_bytes(), has_header=False, separator="\n", new_columns=["line"])["line"]
    parts = pl.DataFrame({"part": rows.str.extract_all(r"\S+")}).select(
        customer=pl.col("part").list.get(0), day=pl.col("part").list.get(1).str.to_date("%Y%m%d", strict=False)
    )
    days, end = parts.drop_nulls().unique(), date(1997, 12, 31)
    past = days.filter(pl.col("day") <= end).group_by("customer").agg(pl.len(), first=pl.col("day").min(), last=pl.col("day").max())
    later = days.filter(pl.col("day") > end)["customer"].unique().to_list()
    past = past.with_columns(returned=pl.col("customer").is_in(later)).sort("customer")
    assert (past.height, past["returned"].sum()) == (23_570, 5_374)
    repeats = past["len"].to_numpy().astype(float) - 1
    last = (past["last"] - past["first"]).dt.total_days().to_numpy() / 7.0
    age = (pl.Series([end] * past.height) - past["first"]).dt.total_days().to_numpy() / 7.0
    returns = 1 - fit_pareto_nbd(repeats, last, age).probability_silent(repeats, last, age, 26.0)
    y = past["returned"].to_numpy().astype(float)
    assert auc(y, returns) == pytest.approx(0.7998, abs=0.0005)
    assert log_loss(y, returns) == pytest.approx(0.4208, abs=0.0005)
