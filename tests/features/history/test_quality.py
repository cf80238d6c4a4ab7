from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from features.history.quality import Quality, data_quality
from features.settings import FeatureSettings
from tests.conftest import SampleBuild
from tests.permitted import write_warehouse
from tests.shop import UNKNOWN_PRODUCT, Tables

NONE = Quality(
    orders=10,
    later=0,
    anonymous=0,
    bare=0,
    free=0,
    lines=10,
    unlisted=0,
    given=0,
    refunds=0,
    refunded=0,
    set_aside={},
    set_aside_share=None,
)


def look(folder: Path, tables: Tables, now: datetime | None = None, **report: object) -> Quality:
    warehouse = write_warehouse(FeatureSettings(data_dir=folder), tables, report, {"report": str(report)})
    now = now or warehouse.last_event
    return data_quality(warehouse, warehouse.read("orders").filter(pl.col("ordered_at") <= now), now)


def test_the_sample_shops_oddities_are_counted(sample_build: SampleBuild) -> None:
    warehouse = sample_build.warehouse
    orders, lines = warehouse.read("orders"), warehouse.read("order_lines")
    found = data_quality(warehouse, orders, warehouse.last_event)
    hidden = warehouse.read("products").filter(~pl.col("in_catalogue"))["product_id"].to_list()
    assert found.anonymous == orders["customer_id"].null_count() > 0
    assert found.unlisted == lines["product_id"].is_in([UNKNOWN_PRODUCT, *hidden]).sum() > 0
    assert (found.orders, found.lines, found.later, found.bare) == (orders.height, lines.height, 0, 0)


def test_what_is_after_the_clock_is_not_counted_but_said(tmp_path: Path, shop_tables: Tables) -> None:
    now = datetime(2024, 5, 1, tzinfo=UTC)
    found = look(tmp_path, shop_tables, now)
    early = shop_tables["orders"].filter(pl.col("ordered_at") <= now).height
    assert (found.orders, found.later) == (early, shop_tables["orders"].height - early)
    assert f"{found.later:,} orders are after the clock and are not seen." in {f.sentence for f in found.findings()}


def test_free_and_bare_orders_gifts_and_refunds(tmp_path: Path, shop_tables: Tables) -> None:
    orders = shop_tables["orders"].with_row_index("i")
    orders = orders.with_columns(
        amount=pl.when(pl.col("i") < 5).then(0.0).otherwise("amount"), line_count=pl.when(pl.col("i") < 2).then(0).otherwise("line_count")
    ).drop("i")
    lines = shop_tables["order_lines"].with_row_index("i")
    lines = lines.with_columns(amount=pl.when(pl.col("i") < 7).then(0.0).otherwise("amount")).drop("i")
    refund = {
        "refund_id": "r",
        "line_number": 0,
        "refunded_at": orders["ordered_at"][50],
        "quantity": 1.0,
        "amount": orders["amount"].sum() / 10,
    }
    refunds = pl.DataFrame([refund]).with_columns(
        pl.lit(None, dtype=pl.String).alias(c) for c in ("customer_id", "product_id", "order_id", "order_line_number")
    )
    found = look(tmp_path, {**shop_tables, "orders": orders, "order_lines": lines, "refunds": refunds})
    assert (found.bare, found.free, found.given, found.refunds) == (2, 3, 7, 1)
    assert found.refunded == pytest.approx(0.1)


def test_what_the_import_set_aside_is_told_with_its_reasons(tmp_path: Path, shop_tables: Tables) -> None:
    excluded = shop_tables["order_lines"].head(3).with_columns(reason=pl.lit("quantity not above zero"))
    counts = {"lines read": 1000, "lines in quarantine": 400}
    found = look(tmp_path, {**shop_tables, "excluded_lines": excluded}, counts=counts, reasons={"orders, time: no date": 400})
    assert list(found.set_aside.items()) == [("orders, time: no date", 400), ("quantity not above zero", 3)]
    assert found.set_aside_share == 0.4
    (warning,) = (f for f in found.findings() if f.severity == "warning")
    assert warning.sentence == "40 % of the lines were set aside by the import."


@pytest.mark.parametrize(
    ("change", "severity", "sentence"),
    [
        ({"anonymous": 4}, "warning", "40 % of the orders have no customer."),
        ({"anonymous": 1}, "note", "10 % of the orders have no customer."),
        ({"bare": 10, "lines": 0}, "note", "No order has a line: what was bought is unknown."),
        ({"bare": 1}, "note", "10 % of the orders have no line."),
        ({"free": 1, "orders": 1000}, "ok", "0.1 % of the orders cost nothing."),
        ({"unlisted": 9}, "warning", "90 % of the order lines are of products that the catalogue does not list."),
        ({"given": 1}, "note", "10 % of the order lines cost nothing."),
        ({"refunded": 0.06}, "note", "6.0 % of the money was given back."),
        ({}, "ok", "Orders and lines are complete."),
    ],
)
def test_each_oddity_has_its_sentence(change: dict[str, float], severity: str, sentence: str) -> None:
    (finding,) = NONE.model_copy(update=change).findings()
    assert (finding.severity, finding.sentence) == (severity, sentence)
    assert bool(finding.remedy) == (severity != "ok")
