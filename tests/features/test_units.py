"""What is bought again: the shop's categories, or its products where it has none."""

from __future__ import annotations

from datetime import timedelta

import ibis
import polars as pl

from features.definitions.category_cycle import pair_spine
from features.definitions.category_demand import purchases
from features.units import units_of
from tests.features.ground import shop_of, spine_of
from tests.shop import START, TICK, Tables

DAY = timedelta(days=1)
LISTED = pl.DataFrame({"product_id": ["a", "b", "POST"], "product_category": ["TEA", None, None], "in_catalogue": [True, True, False]})
NONE = LISTED.with_columns(product_category=pl.lit(None, dtype=pl.String))


def test_a_shop_with_any_category_has_its_categories_and_nothing_else() -> None:
    units = units_of(LISTED)
    assert (units.kind, units.purchase_days) == ("category", 1)
    assert units.table.rows() == [("a", "TEA")]


def test_a_shop_without_categories_has_its_products_but_no_charges() -> None:
    units = units_of(NONE)
    assert (units.kind, units.purchase_days) == ("product", 2)
    assert units.table.rows() == [("a", "a"), ("b", "b")]


def test_a_shop_without_products_has_no_units() -> None:
    assert units_of(NONE.clear()).table.is_empty()


def sold(tables: Tables, *moments: tuple[str, str, timedelta]) -> Tables:
    """The sample's tables with these order lines only, in a shop without categories."""
    line = tables["order_lines"].row(0, named=True)
    rows = [
        {**line, "order_id": str(i), "customer_id": c, "product_id": p, "ordered_at": START + at} for i, (c, p, at) in enumerate(moments)
    ]
    facts = tables["products"].drop("product_category", "in_catalogue")
    products = NONE.join(facts, on="product_id", how="left").select(tables["products"].columns)
    return {**tables, "products": products, "order_lines": pl.DataFrame(rows, schema=tables["order_lines"].schema)}


def test_a_product_is_forecast_from_its_second_day_on(shop_tables: Tables) -> None:
    second = 3 * DAY + timedelta(hours=4)
    tables = sold(
        shop_tables,
        ("c", "a", timedelta(hours=1)),
        ("c", "a", timedelta(hours=9)),  # the same day: no second one
        ("c", "a", second),
        ("c", "a", 9 * DAY),
        ("c", "b", DAY),
        ("c", "POST", DAY),
        ("c", "POST", 2 * DAY),
    )
    shop = shop_of(tables, first_event=START)
    dates = [START + 2 * DAY, START + second - TICK, START + second, START + 20 * DAY]
    found = pair_spine(shop, ibis.memtable(spine_of(tables, dates, ["c"]))).to_polars().sort("as_of")
    assert found.rows() == [("c", "a", START + second), ("c", "a", START + 20 * DAY)]
    alone = pair_spine(shop.of_customers(["c"]), ibis.memtable(spine_of(tables, dates, ["c"]))).to_polars().sort("as_of")
    assert alone.equals(found)
    everything = purchases(shop).to_polars()
    assert set(everything["product_category"]) == {"a", "b"}
