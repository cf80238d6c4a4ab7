"""The benchmark's made-up shop: it fits the schema, is the same every time, and writes offers that are taken."""

from __future__ import annotations

from datetime import timedelta

from benchmarks.serving.figures import Figures, ratio_of
from benchmarks.serving.shop_orders import START
from benchmarks.serving.shop_size import FULL, QUICK, ShopSize
from benchmarks.serving.shop_tables import shop_tables
from benchmarks.serving.written_offers import written_offers
from features.offers.offer import Offer
from features.schema import TABLES

SMALL = ShopSize(customers=60, products=100, categories=10, bundles=10, offers=80, weeks=20)


def test_its_tables_fit_the_schema_and_are_the_same_every_time() -> None:
    first, again = shop_tables(SMALL), shop_tables(SMALL)
    for table in TABLES:
        if table.name in first:
            assert table.conform(first[table.name]).equals(table.conform(again[table.name]))
    assert set(first) <= {table.name for table in TABLES}
    lines = first["order_lines"]
    assert set(lines["product_id"]) <= set(first["products"]["product_id"])
    assert lines["order_id"].n_unique() == first["orders"].height
    ends = START + timedelta(weeks=SMALL.weeks)
    assert first["activities"]["occurred_at"].max() <= ends  # type: ignore[operator]


def test_its_offers_are_taken_and_of_several_types() -> None:
    offers = [Offer.model_validate(one) for one in written_offers(SMALL, START + timedelta(weeks=20))]
    assert len({offer.offer_id for offer in offers}) == SMALL.offers
    assert {"coupon", "item", "content", "winback"} <= {offer.type for offer in offers}
    assert any(offer.discount for offer in offers)
    assert any(offer.stages for offer in offers)
    assert all(offer.conditions is not None for offer in offers)


def test_another_size_is_kept_under_another_name() -> None:
    assert len({FULL.name, QUICK.name, FULL.with_offers(50).name}) == 3


def test_a_ratio_is_that_of_runs_made_together_and_knows_its_goal() -> None:
    ratio = ratio_of([10.0, 100.0, 30.0], [1.0, 20.0, 10.0], goal=5.0)
    assert (ratio.value, ratio.low, ratio.high, ratio.met) == (5.0, 3.0, 10.0, True)
    assert ratio_of([4.0], [1.0], goal=3.0, at_least=False).met is False
    assert ratio_of([4.0], [1.0]).met is None
    assert "Nothing to divide by" in ratio_of([4.0], [0.0], goal=1.0).note
    figures = Figures(ratios={"a ÷ b": ratio_of([1.0], [2.0], goal=5.0)}, absent={"c": "there is none"})
    assert "MISSED" in figures.table()
    assert "not measured: c: there is none" in figures.table()
