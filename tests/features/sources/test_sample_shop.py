"""The sample shop: what it promises to hold, and that a seed is all it depends on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

from features.assumptions import FILE, load_assumptions
from features.errors import SourceUnreadable
from features.import_consent import ImportConsent
from features.settings import FeatureSettings
from features.sources.sample_catalogue import COMPANIONS, DELISTED, EXCLUDED, NEVER_SOLD, SHELVES, UNKNOWN_PRODUCT, list_price, product_id
from features.sources.sample_lives import EDGE, IDLE, STRANGER
from features.sources.sample_shop import ASSUMPTIONS, Tables, campaigns, import_sample, sample_tables
from features.warehouse import Warehouse
from tests.contracts.source_suite import SourceSuite
from tests.permitted import write_warehouse


def bought(tables: Tables) -> pl.DataFrame:
    return tables["order_lines"].join(tables["products"].select("product_id", "product_category"), on="product_id", how="left")


class TestSampleShop(SourceSuite):
    reads_files = False

    @pytest.fixture
    def source(self, tmp_path: Path) -> Path:
        (tmp_path / "source").mkdir()
        (tmp_path / "source" / "seed").write_text("1")
        return tmp_path / "source"

    def bring(self, settings: FeatureSettings, source: Path) -> tuple[Warehouse, bool]:
        return import_sample(settings, customers=12, weeks=10, seed=int((source / "seed").read_text()), consent=ImportConsent.GRANTED)

    def change(self, source: Path) -> None:
        (source / "seed").write_text("2")

    def account(self, counts: Mapping[str, int], rows: Mapping[str, int]) -> None:
        assert counts
        assert {name: rows[name.replace(" ", "_")] for name in counts} == counts


def test_a_seed_is_all_it_depends_on() -> None:
    first, again, other = (sample_tables(customers=10, weeks=10, seed=s) for s in (1, 1, 2))
    assert all(first[name].equals(again[name]) for name in first)
    assert not first["orders"].equals(other["orders"])


@pytest.mark.parametrize(("customers", "weeks"), [(1, 1), (2, 8), (40, 3)])
def test_a_very_small_shop_is_a_shop(customers: int, weeks: int) -> None:
    tables = sample_tables(customers=customers, weeks=weeks)
    assert tables["orders"].height > 1
    assert tables["customers"].height == customers + 2


def test_the_awkward_cases_are_there(shop_tables: Tables) -> None:
    orders, products = shop_tables["orders"], shop_tables["products"]
    known, buyers = set(shop_tables["customers"]["customer_id"]), set(orders["customer_id"])
    assert STRANGER in buyers - known
    assert IDLE in known - buyers
    assert EDGE in known & buyers
    assert None in buyers
    assert orders["store_id"].null_count() > 0
    near = orders.drop_nulls("customer_id").sort("customer_id", "ordered_at")
    gaps = near.select(pl.col("ordered_at").diff().over("customer_id").dt.total_microseconds()).to_series()
    assert ((gaps > 0) & (gaps < 1_000_000)).any()
    sold = set(shop_tables["order_lines"]["product_id"])
    assert sold - set(products["product_id"]) == {UNKNOWN_PRODUCT}
    assert set(products["product_id"]) - sold == {NEVER_SOLD}
    assert products.filter(~pl.col("in_catalogue"))["product_id"].to_list() == [DELISTED]
    assert {0, None} < set(products["stock"])
    assert {EXCLUDED, None} < set(products["product_category"])
    assert shop_tables["customers"]["age_band"].null_count() > 10


def test_every_product_has_a_name_of_its_own(shop_tables: Tables) -> None:
    names = shop_tables["products"]["name"]
    assert names.null_count() == 0
    assert names.n_unique() == names.len()


def test_orders_are_the_sums_of_their_lines(shop_tables: Tables) -> None:
    sums = shop_tables["order_lines"].group_by("order_id").agg(pl.col("amount", "discount", "quantity").sum(), pl.len().alias("lines"))
    both = shop_tables["orders"].join(sums, on="order_id", suffix="_sum")
    assert both.height == shop_tables["orders"].height
    for column in ("amount", "discount", "quantity"):
        assert (both[column] - both[f"{column}_sum"]).abs().max() < 1e-9
    assert (both["line_count"] == both["lines"]).all()


def test_categories_come_back_in_their_rhythm(shop_tables: Tables) -> None:
    lines = bought(shop_tables).filter(pl.col("customer_id").str.starts_with("c")).sort("ordered_at")
    days = lines.group_by("customer_id", "product_category", maintain_order=True).agg(
        (pl.col("ordered_at").diff().dt.total_minutes() / 1440).alias("gap")
    )
    gaps = days.explode("gap").filter(pl.col("gap") > 2).group_by("product_category").agg(pl.col("gap").median())
    found = dict(gaps.iter_rows())
    for shelf in SHELVES:
        if shelf.cycle_days:
            assert found[shelf.category] == pytest.approx(shelf.cycle_days, rel=0.35), shelf.category


def test_some_leave_and_some_stay(shop_tables: Tables) -> None:
    orders = shop_tables["orders"].filter(pl.col("customer_id").str.starts_with("c"))
    silence = orders["ordered_at"].max() - orders.group_by("customer_id").agg(pl.col("ordered_at").max())["ordered_at"]
    gone = (silence.dt.total_days() > 56).mean()
    assert gone is not None
    assert 0.2 < gone < 0.6


def test_companions_share_baskets(shop_tables: Tables) -> None:
    baskets = dict(shop_tables["order_lines"].group_by("order_id").agg(pl.col("product_id")).iter_rows())
    for first, second in COMPANIONS.items():
        holding = [set(b) for b in baskets.values() if first in b]
        assert sum(second in b for b in holding) / len(holding) > 0.4


def test_refunds_take_back_earlier_sales(shop_tables: Tables) -> None:
    back = shop_tables["refunds"].join(
        shop_tables["order_lines"], left_on=["order_id", "order_line_number"], right_on=["order_id", "line_number"], suffix="_sold"
    )
    assert back.height == shop_tables["refunds"].height > 50
    assert (back["refunded_at"] > back["ordered_at"]).all()
    assert (back["quantity"] == back["quantity_sold"]).all()
    assert (back["amount"] == back["amount_sold"]).all()
    assert back["refunded_at"].max() < shop_tables["orders"]["ordered_at"].max()


def test_coupons_are_redeemed_by_whom_they_were_sent_to_while_they_run(shop_tables: Tables) -> None:
    used = shop_tables["redemptions"].join(shop_tables["offers"], on="offer_id")
    assert used.height > 50
    assert ((used["redeemed_at"] >= used["starts_at"]) & (used["redeemed_at"] < used["ends_at"])).all()
    assert used.join(shop_tables["contacts"], on=["customer_id", "offer_id"], how="anti").is_empty()
    assert campaigns(52)[-1]["ends_at"] > shop_tables["orders"]["ordered_at"].max()


def test_messages_move_nobody(shop_tables: Tables) -> None:
    """The mailed buy no more than the others: whoever reads an effect off this shop reads noise."""
    offer = shop_tables["offers"].row(1, named=True)
    during = shop_tables["orders"].filter(pl.col("ordered_at").is_between(offer["starts_at"], offer["ends_at"]))
    before = shop_tables["orders"].filter(pl.col("ordered_at") < offer["starts_at"])
    active = before.filter(pl.col("customer_id").str.starts_with("c"))["customer_id"].unique()
    mailed = set(shop_tables["contacts"].filter(pl.col("offer_id") == offer["offer_id"])["customer_id"])
    counts = dict(during.group_by("customer_id").len().iter_rows())
    rates = [[counts.get(c, 0) for c in active if (c in mailed) is yes] for yes in (True, False)]
    means = [sum(r) / len(r) for r in rates]
    assert means[0] == pytest.approx(means[1], rel=0.35)


def test_prices_are_the_list_price_less_the_discount(shop_tables: Tables) -> None:
    price = {product_id(s, p): list_price(s, p) for s in range(len(SHELVES)) for p in range(5)} | {UNKNOWN_PRODUCT: 5.0}
    for product, quantity, amount, discount in (
        shop_tables["order_lines"].head(500).select("product_id", "quantity", "amount", "discount").iter_rows()
    ):
        assert amount + discount == pytest.approx(quantity * price[product], abs=0.011)


def test_importing_twice_changes_nothing_and_other_numbers_do(tmp_path: Path) -> None:
    settings = FeatureSettings(data_dir=tmp_path)
    first, changed = import_sample(settings, customers=5, weeks=6, consent=ImportConsent.GRANTED)
    again, repeated = import_sample(settings, customers=5, weeks=6, consent=ImportConsent.GRANTED)
    assert (changed, repeated) == (True, False)
    assert first.version == again.version
    assert import_sample(settings, customers=5, weeks=6, force=True, consent=ImportConsent.GRANTED)[1]
    other, changed = import_sample(settings, customers=6, weeks=6, consent=ImportConsent.GRANTED)
    assert changed
    assert other.version != first.version
    assert load_assumptions(tmp_path / FILE).name == "sample"
    assert load_assumptions(ASSUMPTIONS).currency == "EUR"


def test_it_never_displaces_a_real_history(tmp_path: Path) -> None:
    settings = FeatureSettings(data_dir=tmp_path)
    write_warehouse(settings, sample_tables(customers=1, weeks=2), {"source": "complete-journey"}, "x")
    with pytest.raises(SourceUnreadable, match="holds the history of 'complete-journey'; choose another --data-dir"):
        import_sample(settings, customers=1, weeks=2, consent=ImportConsent.GRANTED)
    assert not (tmp_path / FILE).exists()
