from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import ibis
import polars as pl
import pytest

from features.definitions.category_demand import CATEGORY_DEMAND
from features.engine import open_engine, open_shop
from tests.training.cycle_shop import START, write_baskets

MIDNIGHT = START.replace(hour=0)


def demand(data_dir: Path, bought: list[tuple[str, datetime, str, float]], *dates: datetime) -> list[dict[str, object]]:
    settings, warehouse = write_baskets(data_dir, bought)
    shop = open_shop(open_engine(settings), warehouse)
    rows = {"product_category": ["TEA"] * len(dates), "as_of": list(dates)}
    spine = ibis.memtable(pl.DataFrame(rows, schema={"product_category": pl.String, "as_of": pl.Datetime("us", "UTC")}))
    frame: pl.DataFrame = CATEGORY_DEMAND.build(shop, spine).to_polars()
    return frame.sort("as_of").to_dicts()


def on(day: int, customer: str, hours: int = 0, category: str = "TEA") -> tuple[str, datetime, str, float]:
    return customer, START + timedelta(days=day, hours=hours), category, 1.0


BOUGHT = [on(0, "a"), on(0, "a", 3), on(10, "a"), on(40, "b"), on(60, "b"), on(60, "a"), on(61, "a", 0, "SOAP")]


def test_counts_purchase_days_of_everyone(tmp_path: Path) -> None:
    (row,) = demand(tmp_path, BOUGHT, MIDNIGHT + timedelta(days=62))
    # a: days 0, 10, 60; b: days 40, 60. The second order of a's day 0 is no purchase of its own.
    assert row["category_purchases_last_28d"] == 3
    assert row["category_gap_mean"] == pytest.approx((10 + 50 + 20) / 3)
    assert row["category_repeat_share"] == pytest.approx(3 / 5)
    observed = 62 - 9 / 24  # from the first order at nine
    assert row["category_season"] == pytest.approx((3 / 28) / (5 / observed))


def test_a_day_counts_from_its_end(tmp_path: Path) -> None:
    during, after = demand(tmp_path, BOUGHT, START + timedelta(days=40, hours=1), MIDNIGHT + timedelta(days=41))
    assert (during["category_purchases_last_28d"], after["category_purchases_last_28d"]) == (0, 1)


def test_before_the_first_purchase_nothing_is_known(tmp_path: Path) -> None:
    (row,) = demand(tmp_path, [on(0, "a", 0, "SOAP"), on(30, "a")], MIDNIGHT + timedelta(days=20))
    assert row["category_purchases_last_28d"] == 0
    assert row["category_season"] is None
    assert row["category_gap_mean"] is None
