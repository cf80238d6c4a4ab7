"""Rows of the hazard: the right label, never one that is not closed, survivors only at later leads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from features.feature_sets import CUSTOMER
from tests.training.conftest import BuiltShop
from training.artifacts.hazard_path import HazardPath
from training.datasets.hazard_rows import HazardRows, Snapshots, hazard_rows, naive

START = datetime(2023, 1, 8, tzinfo=UTC)
PATH = HazardPath(CUSTOMER)


def snapshots(waits: list[float], as_of: datetime = START) -> Snapshots:
    n = len(waits)
    stored = np.tile(np.arange(float(n))[:, None], (1, len(CUSTOMER.columns)))
    moment = np.full(n, naive(as_of))
    return Snapshots(stored, moment, np.arange(n), np.array([f"c{i}" for i in range(n)]), np.array(waits))


def rows(of: Snapshots, weeks: int, **options: float) -> HazardRows:
    chosen = {"max_lead": 3, "lead_share": 1.0, "seed": 1, **options}
    return hazard_rows(of, until=START + timedelta(weeks=weeks), **chosen)  # type: ignore[arg-type]


def leads(found: HazardRows) -> list[int]:
    return [int(k) for k in found.inputs[:, PATH.inputs.index("lead")]]


def test_the_label_is_an_order_within_the_step_its_end_included() -> None:
    found = rows(snapshots([0.001, 7.0, 7.000001, np.inf]), weeks=1)
    assert found.label.tolist() == [1, 1, 0, 0]
    assert (found.label_end == naive(START + timedelta(weeks=1))).all()


def test_a_label_that_is_not_closed_is_no_row() -> None:
    assert len(rows(snapshots([1.0]), weeks=0).label) == 0
    assert leads(rows(snapshots([np.inf]), weeks=2)) == [0, 1]


def test_only_those_who_stayed_away_have_later_leads() -> None:
    found = rows(snapshots([3.0, 10.0, np.inf]), weeks=4)
    number = found.inputs[:, PATH.inputs.index("order_count")].astype(int).tolist()
    assert list(zip(number, leads(found), found.label, strict=True)) == [
        (0, 0, 1),
        (1, 0, 0),
        (2, 0, 0),
        (1, 1, 1),
        (2, 1, 0),
        (2, 2, 0),
        (2, 3, 0),
    ]


def test_leads_are_sampled_by_share_and_seed() -> None:
    many = snapshots([np.inf] * 4000)
    found = rows(many, weeks=4, lead_share=0.1)
    counts = np.bincount(leads(found))
    assert counts[0] == 4000
    assert counts[1:] == pytest.approx([400] * 3, abs=80)
    np.testing.assert_array_equal(found.inputs, rows(many, weeks=4, lead_share=0.1).inputs)
    assert not np.array_equal(found.inputs, rows(many, weeks=4, lead_share=0.1, seed=2).inputs)


def test_between_takes_whole_label_steps() -> None:
    found = rows(snapshots([np.inf]), weeks=4)
    assert leads(found.between(START + timedelta(weeks=1), START + timedelta(weeks=3))) == [1, 2]
    assert leads(found.between(None, START + timedelta(weeks=2))) == [0, 1]
    assert leads(found.between(START + timedelta(days=8), START + timedelta(weeks=3))) == [2]


def test_labels_agree_with_the_orders_themselves(shop: BuiltShop) -> None:
    orders = shop.warehouse.read("orders")
    until = datetime(2023, 7, 2, tzinfo=UTC)
    found = hazard_rows(shop.snapshots, until=until, max_lead=0, lead_share=1.0, seed=1)
    assert found.label_end.max() == naive(until)
    kept = shop.features.filter(pl.col("as_of") + pl.duration(days=7) <= until)
    bought = kept.select("customer_id", "as_of").join(orders.select("customer_id", "ordered_at"), on="customer_id")
    bought = bought.filter((pl.col("ordered_at") > pl.col("as_of")) & (pl.col("ordered_at") <= pl.col("as_of") + pl.duration(days=7)))
    expected = kept.join(bought.unique(["customer_id", "as_of"]), on=["customer_id", "as_of"], how="left")["ordered_at"].is_not_null()
    assert len(found.label) == kept.height
    assert found.label.sum() == expected.sum()
    assert 0.1 < found.label.mean() < 0.9


def test_no_label_looks_past_until(shop: BuiltShop) -> None:
    until = datetime(2023, 7, 2, tzinfo=UTC)
    given = shop.snapshots
    # Every order after `until` never happens: nothing of the training set may change.
    beyond = given.wait > (naive(until) - given.as_of) / np.timedelta64(1, "D")
    blind = Snapshots(given.stored, given.as_of, given.customer, given.customer_id, np.where(beyond, np.inf, given.wait))
    assert (given.wait[beyond] < np.inf).any()
    one, other = (hazard_rows(s, until=until, max_lead=6, lead_share=0.3, seed=1) for s in (given, blind))
    np.testing.assert_array_equal(one.inputs, other.inputs)
    np.testing.assert_array_equal(one.label, other.label)


def test_every_feature_arrives_as_a_float(shop: BuiltShop) -> None:
    assert set(shop.features.select(CUSTOMER.columns).dtypes) == {pl.Float64}  # one decimal among them makes numpy keep objects
    assert shop.snapshots.stored.dtype == np.float64
