"""Who is online without having ordered, what they looked at, and that no buyer's row changes by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.build import build_features
from features.definitions.catalogue import CUSTOMER_VIEWS
from features.feature_sets import CUSTOMER
from features.looks_build import LOOK_DAYS, MAX_LOOKS, recent_looks
from features.never_bought import FILE, never_bought
from features.never_bought_build import _AT_ONCE, join_files, vectors_of
from features.offline import OfflineFeatures
from features.products import read_products
from features.schema import ACTIVITIES, INTERACTIONS, ORDERS
from features.settings import FeatureSettings
from features.store import SqliteCustomerReader
from tests.conftest import SampleBuild, WriteShop
from tests.features.ground import SHOP_TABLES, assert_same, evaluate, shop_of
from tests.shop import sample_tables

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY, TICK = timedelta(days=1), timedelta(microseconds=1)
Row = tuple[str | None, str, datetime]


def orders(*rows: tuple[str | None, datetime]) -> pl.LazyFrame:
    return _frame(ORDERS.columns, [{"order_id": str(n), "customer_id": c, "ordered_at": at} for n, (c, at) in enumerate(rows)]).lazy()


def looks(*rows: Row, product: str = "p") -> pl.DataFrame:
    told = [
        {"interaction_id": str(n), "customer_id": c, "type": kind, "product_id": f"{product}{n}", "occurred_at": at}
        for n, (c, kind, at) in enumerate(rows)
    ]
    return _frame(INTERACTIONS.columns, told)


def deeds(*rows: Row) -> pl.LazyFrame:
    told = [{"activity_id": str(n), "customer_id": c, "kind": kind, "occurred_at": at} for n, (c, kind, at) in enumerate(rows)]
    return _frame(ACTIVITIES.columns, told).lazy()


def _frame(columns: dict[str, pl.DataType], rows: list[dict[str, object]]) -> pl.DataFrame:
    return pl.DataFrame({name: [row.get(name) for row in rows] for name in columns}, schema=columns)


def who(found: pl.DataFrame) -> list[str]:
    return found["customer_id"].to_list()


def test_whoever_did_something_lately_and_never_ordered() -> None:
    found = never_bought(
        orders(("buyer", NOW), ("later", NOW + TICK), (None, NOW - DAY)),
        looks(("looks", "viewed", NOW), ("buyer", "viewed", NOW), ("later", "viewed", NOW - DAY), ("future", "viewed", NOW + TICK)).lazy(),
        deeds(
            ("follows", "channel_joined", NOW - 10 * DAY + TICK),
            ("gone-by", "channel_joined", NOW - 10 * DAY),
            ("signed-in", "identified", NOW - DAY),
            ("written-to", "message_sent", NOW - DAY),
            ("opens", "message_opened", NOW - DAY),
            ("anonymous:device", "content_viewed", NOW - DAY),
        ),
        as_of=NOW,
        within_days=10,
    )
    assert who(found) == ["follows", "later", "looks", "opens", "signed-in"]
    assert found["as_of"].to_list() == [NOW] * 5


def test_no_days_are_nobody() -> None:
    assert who(never_bought(orders(), looks(("looks", "viewed", NOW)).lazy(), deeds(), as_of=NOW, within_days=0)) == []


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans(), st.integers(-20, 20)), max_size=20), st.integers(-20, 20))
def test_nothing_after_the_moment_is_seen(told: list[tuple[str, bool, int]], moment: int) -> None:
    as_of = NOW + moment * DAY

    def found(seen: list[tuple[str, bool, int]]) -> list[str]:
        bought = orders(*((c, NOW + day * DAY) for c, is_order, day in seen if is_order))
        others = deeds(*((c, "list_viewed", NOW + day * DAY) for c, is_order, day in seen if not is_order))
        return who(never_bought(bought, looks().lazy(), others, as_of=as_of, within_days=15))

    assert found(told) == found([one for one in told if one[2] <= moment])


def test_looks_are_the_newest_products_with_how_often_and_no_order() -> None:
    seen = looks(
        ("a", "viewed", NOW - 2 * DAY),
        ("a", "removed", NOW - DAY),
        ("a", "carted", NOW + TICK),
        ("a", "liked", NOW - LOOK_DAYS * DAY),
        ("a", "tried_on", NOW - LOOK_DAYS * DAY + TICK),
        ("b", "view", NOW),
        (None, "viewed", NOW),
    )
    again = seen.head(1).with_columns(interaction_id=pl.lit("x"), occurred_at=pl.lit(NOW - DAY).cast(pl.Datetime("us", "UTC")))
    a, b = recent_looks(pl.concat([seen, again]), NOW).iter_rows(named=True)
    assert (a["customer_id"], a["product_ids"], a["purchases"], a["orders"]) == ("a", ["p0", "p4"], [2, 1], 0)
    assert a["days_since_last"] == pytest.approx([1.0, LOOK_DAYS])
    assert (b["product_ids"], b["days_since_last"]) == (["p5"], [0.0])


def test_of_many_looks_the_newest_are_kept() -> None:
    (row,) = recent_looks(looks(*(("a", "viewed", NOW - n * DAY / 10) for n in range(MAX_LOOKS + 9))), NOW).iter_rows(named=True)
    assert row["product_ids"] == [f"p{n}" for n in range(MAX_LOOKS)]


def browsing(tables: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The same shop with three people who only look, one of them long ago."""
    last = tables["orders"]["ordered_at"].max()
    product = tables["order_lines"]["product_id"][0]
    assert isinstance(last, datetime)
    rows = [(f"looks-{n}", "viewed", last - days * DAY) for n, days in enumerate((1, 30, 170))]
    seen = looks(*rows).with_columns(product_id=pl.lit(product), interaction_id="never" + pl.col("interaction_id"))
    return {**tables, "interactions": pl.concat([tables["interactions"], seen])}


def test_a_build_writes_them_beside_the_buyers_whose_rows_stay(sample_build: SampleBuild, write_shop: WriteShop) -> None:
    settings = write_shop(browsing(sample_tables()))
    built = build_features(settings.model_copy(update={"never_bought_days": 100}))
    assert built.customers == sample_build.built.customers + 2
    theirs = pl.read_parquet(built.offline / FILE)
    assert who(theirs) == ["looks-0", "looks-1"]
    assert theirs["order_count"].to_list() == [0.0, 0.0]
    assert theirs["days_since_last_order"].to_list() == [None, None]
    for view in (*CUSTOMER.views, ("category_cycle", ())):
        keys = ("customer_id", "product_category") if view[0] == "category_cycle" else ("customer_id",)
        assert_same(OfflineFeatures(built.offline).read(view[0]), sample_build.offline.read(view[0]), keys)
    products = read_products(built.online)
    assert products.model_copy(update={"first_orders": None}) == read_products(sample_build.built.online)
    # Four weeks ago the one of the 170 days was known for 100 of them no longer, the one of the 30 days was.
    assert products.first_orders is not None
    assert (products.first_orders.people, products.first_orders.ordered) == (1, 0)
    reader = SqliteCustomerReader(built.online)
    found = reader.read("looks-1")
    reader.close()
    assert found is not None
    assert (len(found.looked), len(found.recent), found.has_ordered) == (1, 0, False)
    assert found.value("days_since_last_product_view") == pytest.approx(30.0)
    assert [path.name for path in built.offline.iterdir() if path.name.startswith(".")] in ([], [".inputs.json"])


def test_the_setting_decides_and_builds_anew(write_shop: WriteShop) -> None:
    settings: FeatureSettings = write_shop(browsing(sample_tables(customers=15, weeks=30)))
    buyers = build_features(settings.model_copy(update={"never_bought_days": 0}))
    everybody = build_features(settings)
    assert everybody.changed
    assert everybody.customers == buyers.customers + 3
    assert not (buyers.offline / FILE).exists()


def test_in_parts_they_are_what_they_are_at_once(shop_tables: dict[str, pl.DataFrame]) -> None:
    tables = browsing(shop_tables)
    last = tables["orders"]["ordered_at"].max()
    assert isinstance(last, datetime)
    lazy = (tables[name].lazy() for name in ("orders", "interactions", "activities"))
    spine = never_bought(*lazy, as_of=last, within_days=180)
    shop = shop_of({name: tables[name] for name in SHOP_TABLES})
    at_once = vectors_of(shop, spine)
    assert_same(pl.concat([vectors_of(shop, part) for part in spine.iter_slices(1)]), at_once, ("customer_id",))
    # As the views say of many dates, which is how the buyers' rows are made.
    for view in CUSTOMER_VIEWS:
        found = evaluate(view, shop, spine)
        assert_same(at_once.select(found.columns), found, ("customer_id",))
    assert spine.height < _AT_ONCE


def test_files_are_joined_in_their_order_and_taken_away(tmp_path: Path) -> None:
    folder = tmp_path
    parts = [folder / f"{n}.parquet" for n in range(3)]
    for n, path in enumerate(parts):
        pl.DataFrame({"n": [n, n + 10]}).write_parquet(path)
    join_files(parts, folder / "all.parquet")
    assert pl.read_parquet(folder / "all.parquet")["n"].to_list() == [0, 10, 1, 11, 2, 12]
    assert [path.name for path in folder.iterdir()] == ["all.parquet"]
