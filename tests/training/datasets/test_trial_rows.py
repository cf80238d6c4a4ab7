"""Past trials become rows of decisions: the state of their moment, the chance as told, and what was ordered afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from features.decisions.state import STATE
from features.schema import TRIALS
from features.warehouse import Warehouse
from tests.conftest import SampleBuild
from training.datasets import trial_rows as module
from training.datasets.effect_rows import EffectRows
from training.datasets.trial_rows import trial_rows


class Returning:
    """A model of returning that says one thing of everybody."""

    def survival(self, stored: np.ndarray, days: np.ndarray) -> np.ndarray:
        return np.tile(0.9 ** (days / 7.0), (len(stored), 1))


@dataclass(frozen=True)
class Told:
    """The sample shop's history, and a trial beside it."""

    history: Warehouse
    trials: pl.DataFrame

    def read(self, table: str) -> pl.DataFrame:
        return self.trials if table == TRIALS.name else self.history.read(table)


def trial(sample: SampleBuild, *, category: str | None = None) -> tuple[pl.DataFrame, datetime]:
    """Twenty customers, every other one sent a coupon on one day; the others have a row for each of two coupons."""
    dates = sample.offline.keys()["as_of"].unique().sort()
    at = dates[-6] + timedelta(hours=30)
    people = sample.offline.keys().filter(pl.col("as_of") == dates[-6])["customer_id"].sort().head(20).to_list()
    rows = [
        (customer, at, offer, "coupon", category, None, None, place % 2 == 0, 0.2)
        for place, customer in enumerate(people)
        for offer in (("A",) if place % 2 == 0 else ("A", "B"))
    ]
    return pl.DataFrame(rows, schema=TRIALS.columns, orient="row"), at


def made(sample: SampleBuild, monkeypatch: pytest.MonkeyPatch, trials: pl.DataFrame, until: datetime) -> EffectRows | None:
    monkeypatch.setattr(module, "_returning", lambda _: Returning())
    return trial_rows(sample.settings, Told(sample.warehouse, trials), until=until, horizon_days=7, order_days=28)  # type: ignore[arg-type]


def test_rows_hold_the_state_of_the_moment_the_chance_and_what_came(sample_build: SampleBuild, monkeypatch: pytest.MonkeyPatch) -> None:
    trials, at = trial(sample_build)
    rows = made(sample_build, monkeypatch, trials, at + timedelta(days=7))
    assert rows is not None
    assert (rows.decisions, rows.silent, rows.offers) == (20, 10, (("A", "coupon"), ("B", "coupon")))
    np.testing.assert_allclose(rows.p0, 0.1)
    np.testing.assert_allclose(rows.chance, 0.2)
    assert rows.any_order.all()
    orders = sample_build.warehouse.read("orders").filter((pl.col("ordered_at") > at) & (pl.col("ordered_at") <= at + timedelta(days=7)))
    came = set(orders["customer_id"])
    assert [rows.names[rows.customer[d]] in came for d in rows.decision.tolist()] == (rows.outcome == 1).tolist()
    seen = sample_build.offline.read("purchasing").filter(pl.col("as_of") <= at).sort("as_of").unique("customer_id", keep="last")
    known = dict(seen.select("customer_id", "order_count").iter_rows())
    counts = rows.state[:, STATE.index("order_count")]
    assert [known[rows.names[c]] for c in rows.customer.tolist()] == counts.tolist()
    np.testing.assert_allclose(rows.state[:, STATE.index("p_order")], 1 - 0.9**4)


def test_a_trial_whose_days_are_not_over_is_not_looked_at(sample_build: SampleBuild, monkeypatch: pytest.MonkeyPatch) -> None:
    trials, at = trial(sample_build)
    assert made(sample_build, monkeypatch, trials, at + timedelta(days=6)) is None


def test_a_category_is_answered_by_its_own_orders_alone(sample_build: SampleBuild, monkeypatch: pytest.MonkeyPatch) -> None:
    products = sample_build.warehouse.read("products").drop_nulls("product_category")
    category = products["product_category"].mode().sort()[0]
    trials, at = trial(sample_build, category=category)
    rows = made(sample_build, monkeypatch, trials, at + timedelta(days=7))
    assert rows is not None
    assert (rows.p0 < 0.1).all()
    assert not rows.any_order.any()
    lines = sample_build.warehouse.read("order_lines").join(products.filter(pl.col("product_category") == category), on="product_id")
    came = set(lines.filter((pl.col("ordered_at") > at) & (pl.col("ordered_at") <= at + timedelta(days=7)))["customer_id"])
    assert [rows.names[rows.customer[d]] in came for d in rows.decision.tolist()] == (rows.outcome == 1).tolist()
    nothing = made(sample_build, monkeypatch, trials.with_columns(product_category=pl.lit("NO SUCH")), at + timedelta(days=7))
    assert nothing is None or not len(nothing.outcome)


def test_beside_own_decisions_offers_and_people_of_one_name_are_one(sample_build: SampleBuild, monkeypatch: pytest.MonkeyPatch) -> None:
    trials, at = trial(sample_build)
    rows = made(sample_build, monkeypatch, trials, at + timedelta(days=7))
    assert rows is not None
    both = rows.where(rows.treated == 1).beside(rows)
    assert both.offers == rows.offers
    assert both.names == rows.names
    assert len(both.outcome) == len(rows.outcome) + int(rows.treated.sum())
    assert (np.diff(both.decision) >= 0).all()
    assert [both.names[both.customer[d]] for d in both.decision[: len(rows.decision)]] == [
        rows.names[rows.customer[d]] for d in rows.decision
    ]
