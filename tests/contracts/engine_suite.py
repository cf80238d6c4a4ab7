"""What every engine promises; its test inherits this and names it. The reference is DuckDB on tables in memory."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from features.definitions.as_of import micros
from features.definitions.catalogue import VIEWS
from features.definitions.view import FeatureView
from features.engine import Shop, open_engine, open_shop
from features.schema import TABLES, TIME
from tests.conftest import SampleBuild
from tests.features.ground import SHOP_TABLES, assert_same, evaluate, shop_of, spine_of
from tests.shop import EDGE, START, STRANGER, TICK, WEEK

DATES = [START + WEEK * 4, START + WEEK * 8, START + WEEK * 9 + 3 * TICK]


class EngineSuite:
    """Inherit, and name the `engine` as the settings do."""

    engine: str

    @pytest.fixture
    def shop(self, sample_build: SampleBuild) -> Shop:
        """The sample shop's Parquet files on this engine."""
        settings = sample_build.settings.model_copy(update={"engine": self.engine})
        return open_shop(open_engine(settings), sample_build.warehouse)

    @pytest.mark.parametrize("name", SHOP_TABLES)
    def test_reads_every_table_as_it_was_written(self, name: str, shop: Shop, sample_build: SampleBuild) -> None:
        (table,) = (t for t in TABLES if t.name == name)
        found = getattr(shop, name).to_polars()
        assert_frame_equal(table.conform(found).sort(table.key), sample_build.warehouse.read(name).sort(table.key))

    def test_times_are_exact_to_the_microsecond(self, shop: Shop, sample_build: SampleBuild) -> None:
        found = shop.orders.select("order_id", at=micros(shop.orders.ordered_at)).to_polars().sort("order_id")
        expected = sample_build.warehouse.read("orders").sort("order_id")["ordered_at"].dt.epoch("us")
        assert found["at"].to_list() == expected.to_list()

    def test_an_order_at_the_as_of_date_is_seen_and_one_a_microsecond_later_is_not(self, shop: Shop) -> None:
        (purchasing,) = (view for view in VIEWS if view.name == "purchasing")
        spine = pl.DataFrame(
            {"customer_id": [EDGE] * 4, "as_of": [START + WEEK * 8 + n * TICK for n in range(4)]}, schema_overrides={"as_of": TIME}
        )
        # EDGE ordered three times before, and one and two microseconds after the first of these dates.
        assert evaluate(purchasing, shop, spine)["order_count"].to_list() == [3.0, 4.0, 5.0, 5.0]

    @pytest.mark.parametrize("view", VIEWS, ids=lambda v: v.name)
    def test_every_view_equals_the_reference(self, view: FeatureView, shop: Shop, shop_tables: dict[str, pl.DataFrame]) -> None:
        spine = spine_of(shop_tables, DATES)
        expected = evaluate(view, shop_of(shop_tables), spine)
        assert expected.height > 100
        assert_same(evaluate(view, shop, spine), expected, view.keys)

    @pytest.mark.parametrize("view", VIEWS, ids=lambda v: v.name)
    def test_one_customers_refresh_equals_the_batch(self, view: FeatureView, shop: Shop, shop_tables: dict[str, pl.DataFrame]) -> None:
        if view.keys != ("customer_id",):
            pytest.skip("a category's facts need every customer's orders")
        spine = spine_of(shop_tables, DATES[-1:], [EDGE, STRANGER])
        assert_same(evaluate(view, shop.of_customers([EDGE, STRANGER]), spine), evaluate(view, shop, spine), view.keys)

    def test_writes_what_the_offline_store_reads(self, shop: Shop, shop_tables: dict[str, pl.DataFrame], tmp_path: Path) -> None:
        import ibis

        (view,) = (view for view in VIEWS if view.name == "engagement")
        table = view.build(shop, ibis.memtable(spine_of(shop_tables, DATES)))
        table.to_parquet(tmp_path / "engagement.parquet")
        schema = pl.read_parquet_schema(tmp_path / "engagement.parquet")
        assert list(schema) == ["customer_id", "as_of", *view.features]
        assert schema["as_of"] == TIME
        assert {schema[name] for name in view.features} == {pl.Float64}
