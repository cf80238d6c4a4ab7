"""The share of people without an order who came within four weeks."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
import pytest

from features.first_orders import first_orders
from features.warehouse import open_warehouse
from tests.conftest import WriteShop
from tests.features.test_never_bought import looks
from tests.shop import sample_tables

DAY, TICK = timedelta(days=1), timedelta(microseconds=1)


def test_of_those_known_four_weeks_ago_who_came_since(write_shop: WriteShop) -> None:
    tables = sample_tables(customers=15, weeks=30)
    orders = tables["orders"]
    now = orders["ordered_at"].max()
    assert isinstance(now, datetime)
    then = now - 28 * DAY
    seen = looks(
        *((f"looks-{n}", "viewed", then - DAY) for n in range(3)),
        ("looks-late", "viewed", then + TICK),
        ("comes", "viewed", then),
        ("comes-too-soon", "viewed", then - 2 * DAY),
        ("comes-later", "viewed", then),
    ).with_columns(product_id=pl.lit(tables["order_lines"]["product_id"][0]))
    template = orders.tail(1)
    made = [
        template.with_columns(order_id=pl.lit(c), customer_id=pl.lit(c), ordered_at=pl.lit(at).cast(pl.Datetime("us", "UTC")))
        for c, at in (("comes", then + TICK), ("comes-too-soon", then), ("comes-later", now + TICK))
    ]
    tables |= {"interactions": seen, "activities": tables["activities"].clear(), "orders": pl.concat([orders, *made])}
    warehouse = open_warehouse(write_shop(tables))
    found = first_orders(warehouse, as_of=now, within_days=30)
    assert found is not None
    assert (found.people, found.ordered) == (5, 1)
    firsts = (
        tables["orders"]
        .drop_nulls("customer_id")
        .filter(pl.col("ordered_at") <= now)
        .sort("ordered_at", "order_id")
        .group_by("customer_id")
        .agg(pl.col("amount").first())
    )
    assert found.basket == pytest.approx(firsts["amount"].mean())
    assert first_orders(warehouse, as_of=then, within_days=30) is None
