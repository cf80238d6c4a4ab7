"""Prices, activity, best sellers and coupons on a shop small enough to count by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from features.assumptions import Assumptions, load_assumptions
from features.errors import StateBroken
from features.products import FILE, Product, Products, read_products
from features.products_build import build_products
from features.schema import CONTACTS, OFFER_ITEMS, OFFERS, ORDERS, PRODUCTS, REDEMPTIONS
from features.schema import ORDER_LINES as LINES
from features.settings import FeatureSettings
from features.warehouse import Warehouse
from tests.permitted import write_warehouse
from tests.shop import ASSUMPTIONS, START, TICK

NOW = START + timedelta(days=200)
DAY = timedelta(days=1)
VECTORS = pl.DataFrame({"amount_decayed_112d": [float(i) for i in range(101)]})

# product, days before NOW, quantity, amount
SALES = [
    ("tea", 150, 1.0, 10.0),  # too old to be today's price
    ("tea", 20, 2.0, 6.0),
    ("tea", 10, 1.0, 6.0),
    ("jam", 120, 4.0, 8.0),  # sold, but not lately
    ("old", 57, 1.0, 5.0),  # a day beyond `inactive_after_days`
    ("edge", 56, 1.0, 5.0),  # exactly at it
    ("card", 5, 1.0, 50.0),  # an excluded category
    ("ghost", 5, 1.0, 2.0),  # sold, but not in the catalogue
    ("gift", 5, 3.0, 0.0),  # given away: no price
    ("plain", 5, 1.0, 3.0),  # no category
    ("later", -1, 1.0, 9.0),  # after NOW
]
CATALOGUE = {
    "tea": "TEA",
    "jam": "JAM",
    "old": "JAM",
    "edge": "TEA",
    "card": "GIFT CARDS",
    "ghost": "TEA",
    "gift": "TEA",
    "plain": None,
    "later": "TEA",
    "never": "TEA",
}


def _frame(rows: list[dict[str, object]], columns: dict[str, object]) -> pl.DataFrame:
    filled = [{column: row.get(column) for column in columns} for row in rows]
    return pl.DataFrame(filled, schema=columns)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def products(tmp_path_factory: pytest.TempPathFactory) -> Products:
    folder = tmp_path_factory.mktemp("products")
    (folder / "a.toml").write_text(ASSUMPTIONS, encoding="utf-8")
    return build_products(_warehouse(folder), load_assumptions(folder / "a.toml"), VECTORS, NOW)


def _warehouse(folder: Path, *, categories: bool = True) -> Warehouse:
    zero = {"discount": 0.0, "coupon_discount": 0.0, "line_count": 1, "line_number": 0, "customer_id": "c"}
    sales = [
        {**zero, "order_id": str(i), "product_id": p, "ordered_at": NOW - d * DAY, "quantity": q, "amount": a}
        for i, (p, d, q, a) in enumerate(SALES)
    ]
    catalogue = [
        {
            "product_id": p,
            "product_category": c if categories else None,
            "department": "FOOD" if c == "TEA" else None,
            "in_catalogue": p != "ghost",
            "stock": 0,
        }
        for p, c in CATALOGUE.items()
    ]
    catalogue[0] |= {"product_type": "GREEN TEA", "package_size": "100 G", "stock": None}
    ends = {"over": NOW - TICK, "last-moment": NOW, "running": NOW + 9 * DAY, "coming": NOW + 30 * DAY}
    offers = [
        {"offer_id": o, "type": "coupon", "label": None if o == "running" else o.upper(), "ends_at": end}
        | {"starts_at": NOW + DAY if o == "coming" else NOW - 30 * DAY}
        for o, end in ends.items()
    ]
    contacts = [
        {"contact_id": f"{o}-{i}", "customer_id": f"c{i}", "offer_id": o, "sent_at": NOW - 30 * DAY}
        for o, mailed in (("over", 40), ("running", 20))
        for i in range(mailed)
    ]
    used = [("over", 0, 20), ("over", 0, 19), ("over", 1, 20), ("over", 2, -1), *(("running", i, 1) for i in range(10))]
    redemptions = [
        {"redemption_id": str(n), "customer_id": f"c{i}", "offer_id": o, "redeemed_at": NOW - d * DAY} for n, (o, i, d) in enumerate(used)
    ]
    items = [{"offer_id": "running", "coupon_id": k, "product_id": p} for k, p in (("1", "tea"), ("2", "tea"), ("1", "old"), ("1", "edge"))]
    rows = [
        (ORDERS, sales),
        (LINES, sales),
        (PRODUCTS, catalogue),
        (OFFERS, offers),
        (CONTACTS, contacts),
        (REDEMPTIONS, redemptions),
        (OFFER_ITEMS, items),
    ]
    tables = {table.name: _frame(list(found), dict(table.columns)) for table, found in rows}
    return write_warehouse(FeatureSettings(data_dir=folder), tables, {}, "x")


def of(products: Products, product_id: str) -> Product:
    return next(p for p in products.products if p.product_id == product_id)


def test_the_price_is_what_was_paid_per_piece_lately_or_ever(products: Products) -> None:
    assert of(products, "tea").price == pytest.approx((6.0 + 6.0) / 3)
    assert of(products, "jam").price == pytest.approx(2.0)
    assert of(products, "gift").price is None


def test_only_catalogued_products_sold_lately_outside_the_excluded_categories_are_active(products: Products) -> None:
    assert {p.product_id for p in products.products if p.active} == {"tea", "edge", "gift", "plain"}


def test_what_sold_only_later_or_never_is_not_there(products: Products) -> None:
    assert {p.product_id for p in products.products} == set(CATALOGUE) - {"later", "never"}


def test_names_margins_and_stock(products: Products) -> None:
    tea, jam = of(products, "tea"), of(products, "jam")
    assert (tea.name, jam.name) == ("GREEN TEA 100 G", "jam")
    assert (tea.margin_rate, jam.margin_rate) == (0.4, 0.25)
    assert tea.in_stock(unlimited_when_unknown=True)
    assert not tea.in_stock(unlimited_when_unknown=False)
    assert not jam.in_stock(unlimited_when_unknown=True)


def test_best_sellers_stand_first_and_ties_go_by_id(products: Products) -> None:
    assert products.popular_in_category == {"TEA": ("tea", "edge", "gift")}


def test_without_categories_each_product_is_its_own_and_best_sellers_stay_in_order(tmp_path: Path, products: Products) -> None:
    (tmp_path / "a.toml").write_text(ASSUMPTIONS, encoding="utf-8")
    found = build_products(_warehouse(tmp_path, categories=False), load_assumptions(tmp_path / "a.toml"), VECTORS, NOW)
    assert (products.unit, found.unit) == ("category", "product")
    listed = {p.product_id: p for p in found.products}
    assert listed["tea"].category == "tea"
    assert listed["ghost"].category is None
    assert not listed["ghost"].active
    active = [p for p in found.popular_in_category if found.popular_in_category[p] == (p,)]
    assert list(found.popular_in_category) == active
    assert set(active) == {p.product_id for p in found.products if p.active}
    assert active.index("tea") < active.index("edge")


def test_a_coupon_runs_until_its_last_moment_and_not_before_it_starts(products: Products) -> None:
    assert [c.offer_id for c in products.coupons] == ["last-moment", "running"]
    assert [c.label for c in products.coupons] == ["LAST-MOMENT", "running"]
    assert products.coupons[1].ends_at == NOW + 9 * DAY


def test_a_coupon_names_its_active_products_once(products: Products) -> None:
    assert products.coupons[1].product_ids == ("edge", "tea")


def test_the_redemption_rate_counts_customers_and_only_finished_campaigns_and_the_own(products: Products) -> None:
    overall = 2 / 40  # c0 redeemed twice, c2 only later
    last, running = products.coupons
    assert (last.redemption_rate, last.redemption_base) == (pytest.approx(overall), 40)
    assert (running.redemption_rate, running.redemption_base) == (pytest.approx((10 + 20 * overall) / (20 + 20)), 60)
    assert set(products.mailed) == {"running"}


def test_who_redeemed_is_not_reminded(products: Products) -> None:
    assert products.mailed["running"] == tuple(f"c{i}" for i in range(10, 20))


def test_spend_percentiles_are_a_quantile_a_percent(products: Products) -> None:
    assert products.spend_percentiles == tuple(float(q) for q in range(101))


def test_the_file_reads_back_and_damage_is_told(products: Products, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(products.model_dump_json(), encoding="utf-8")
    assert read_products(tmp_path) == products
    (tmp_path / FILE).write_text(products.model_dump_json()[:-9], encoding="utf-8")
    with pytest.raises(StateBroken, match=FILE):
        read_products(tmp_path)
    with pytest.raises(StateBroken, match="missing or damaged"):
        read_products(tmp_path / "nowhere")


def test_a_shop_without_campaigns_has_none(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(ASSUMPTIONS, encoding="utf-8")
    assumptions: Assumptions = load_assumptions(tmp_path / "a.toml")
    warehouse = _warehouse(tmp_path)
    early: datetime = NOW - 100 * DAY
    built = build_products(warehouse, assumptions, VECTORS.clear(), early)
    assert (built.coupons, built.mailed, built.spend_percentiles) == ((), {}, ())
    assert {p.product_id for p in built.products} == {"tea", "jam"}
