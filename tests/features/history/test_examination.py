from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from features.history.examination import examine
from features.settings import FeatureSettings
from features.warehouse import Warehouse
from tests.conftest import SampleBuild
from tests.permitted import write_warehouse
from tests.shop import EXCLUDED, START, Tables


def written(folder: Path, tables: Tables) -> Warehouse:
    return write_warehouse(FeatureSettings(data_dir=folder), tables, {"source": "test"}, {})


def test_every_room_is_looked_into(sample_build: SampleBuild) -> None:
    seen = examine(sample_build.warehouse)
    assert seen.last is not None
    assert seen.now == seen.last == sample_build.warehouse.last_event
    assert seen.volume is not None
    assert len(seen.volume.weeks) == (seen.last - START).days // 7 + 1
    assert sum(week.orders for week in seen.volume.weeks) == sample_build.warehouse.report["rows"]["orders"]
    assert {f.about for f in seen.findings()} == {"volume", "pauses", "quality", "rhythm", "clock", "concentration", "tables"}
    grave = [("warning", "note", "ok").index(f.severity) for f in seen.findings()]
    assert grave == sorted(grave)
    assert [(c.of, c.over) for c in seen.concentrations] == [
        ("revenue", "customer"),
        ("orders", "customer"),
        ("revenue", "product"),
        ("order lines", "product"),
    ]


def test_nothing_after_the_clock_is_seen(sample_build: SampleBuild, shop_tables: Tables, tmp_path: Path) -> None:
    now = datetime(2024, 4, 1, tzinfo=UTC)
    early = {n: f.filter(pl.col("ordered_at") <= now) if "ordered_at" in f.columns else f for n, f in shop_tables.items()}
    one, other = examine(sample_build.warehouse, now), examine(written(tmp_path, early), now)
    assert (one.volume, one.pauses, one.rhythm, one.clock, one.concentrations) == (
        other.volume,
        other.pauses,
        other.rhythm,
        other.clock,
        other.concentrations,
    )


def test_what_is_no_merchandise_is_no_concentration(sample_build: SampleBuild) -> None:
    every = examine(sample_build.warehouse).concentrations[2].things
    assert examine(sample_build.warehouse, excluded_categories=[EXCLUDED]).concentrations[2].things == every - 5


def test_a_history_of_interactions_only(tmp_path: Path) -> None:
    clicks = pl.DataFrame(
        {"interaction_id": ["1", "2", "3"], "customer_id": ["a", "a", "b"], "type": ["viewed"] * 3, "bundle_id": ["s", "s", "t"]}
    ).with_columns(product_id=pl.lit(None), occurred_at=pl.lit(None))
    seen = examine(written(tmp_path, {"interactions": clicks}))
    assert (seen.now, seen.volume, seen.quality) == (None, None, None)
    assert [(c.over, c.things) for c in seen.concentrations] == [("customer", 2), ("bundle", 2)]
    assert seen.findings()[0].sentence == "The history holds no order."


def test_a_clock_before_the_first_order(sample_build: SampleBuild) -> None:
    seen = examine(sample_build.warehouse, START.replace(year=2020))
    assert seen.volume is None
    assert seen.findings()[0].sentence == "There is no order up to 2020-01-01."


def test_a_shop_without_customers_or_products(tmp_path: Path, shop_tables: Tables) -> None:
    orders = shop_tables["orders"].with_columns(customer_id=pl.lit(None, dtype=pl.String))
    seen = examine(written(tmp_path, {"orders": orders}))
    assert seen.concentrations == ()
    assert seen.rhythm is not None
    assert seen.rhythm.customers == 0
    assert {f.sentence for f in seen.findings()} >= {"No order has a customer.", "No products were imported."}
