"""Fitting gamma–gamma: known parameters found again, and CDNOW's amounts near the published ones."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.errors import TooLittleHistory
from training.artifacts.gamma_gamma import GammaGamma
from training.models.gamma_gamma import fit_gamma_gamma


def simulate(truth: GammaGamma, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Customers of the process itself: (orders, mean amount)."""
    rng = np.random.default_rng(seed)
    scale = rng.gamma(truth.q, 1 / truth.v, n)
    orders = rng.integers(1, 9, n).astype(float)
    return orders, rng.gamma(truth.p * orders, 1 / scale) / orders


def test_known_parameters_are_found_again() -> None:
    truth = GammaGamma(p=6.0, q=4.0, v=15.0)
    found = fit_gamma_gamma(*simulate(truth, 40_000, seed=3))
    assert (found.p, found.q, found.v) == pytest.approx((truth.p, truth.q, truth.v), rel=0.1)
    assert found.population_mean == pytest.approx(truth.population_mean, rel=0.02)


def test_the_unit_of_money_does_not_matter() -> None:
    orders, mean = simulate(GammaGamma(p=6.0, q=4.0, v=15.0), 2_000, seed=3)
    euros, cents = fit_gamma_gamma(orders, mean), fit_gamma_gamma(orders, 100 * mean)
    np.testing.assert_allclose(cents.expected_amount(orders, 100 * mean), 100 * euros.expected_amount(orders, mean), rtol=1e-3)


def test_the_own_mean_is_believed_the_more_the_more_orders_it_rests_on() -> None:
    model = GammaGamma(p=6.0, q=4.0, v=15.0)
    orders = np.array([0.0, 1.0, 4.0, 50.0])
    expected = model.expected_amount(orders, np.full(4, 90.0))
    assert expected[0] == pytest.approx(model.population_mean)
    assert (np.diff(expected) > 0).all()
    assert 85 < expected[-1] < 90


def test_it_expects_what_the_process_then_pays() -> None:
    truth = GammaGamma(p=6.0, q=4.0, v=15.0)
    rng = np.random.default_rng(5)
    scale = rng.gamma(truth.q, 1 / truth.v, 200_000)
    seen, later = rng.gamma(truth.p * 2, 1 / scale) / 2, rng.gamma(truth.p, 1 / scale)
    rich = (seen > 40) & (seen < 50)
    assert truth.expected_amount(np.full(rich.sum(), 2.0), seen[rich]).mean() == pytest.approx(later[rich].mean(), rel=0.01)


@pytest.mark.parametrize("mean", [[], [10.0], [0.0, 0.0, 0.0]])
def test_without_amounts_it_says_so(mean: list[float]) -> None:
    with pytest.raises(TooLittleHistory, match="amount above zero"):
        fit_gamma_gamma(np.ones(len(mean)), np.array(mean))


def test_cdnow_lies_near_the_published_parameters() -> None:
    """Published for a tenth of the customers (p 6.25, q 3.74, v 15.44; Fader, Hardie 2013); which tenth the whole file does not say."""
    folder = Path(os.environ.get("HUITOU_EVIDENCE_DIR") or Path(__file__).parents[4] / "shared" / "data")
    path = folder / "cdnow" / "CDNOW_master.txt.gz"
    if not path.is_file():
        pytest.skip(f"{path} is not here; set HUITOU_EVIDENCE_DIR to the folder that holds cdnow/")
    with gzip.open(path, "rt") as file:
        rows = [line.split() for line in file][1:]
    log = pl.DataFrame([(r[0], r[1], float(r[3])) for r in rows if len(r) == 4], schema=["customer", "day", "amount"], orient="row")
    days = log.filter(pl.col("day") <= "19970930").group_by("customer", "day").agg(pl.col("amount").sum()).sort("day")
    repeats = days.group_by("customer").agg(n=pl.len() - 1, mean=pl.col("amount").slice(1).mean()).filter(pl.col("n") > 0)
    found = fit_gamma_gamma(repeats["n"].to_numpy().astype(float), repeats["mean"].to_numpy())
    assert repeats.height == 9_451
    assert found.p == pytest.approx(6.25, rel=0.1)
    assert found.q == pytest.approx(3.74, rel=0.1)
    assert found.v == pytest.approx(15.44, rel=0.1)
