"""The import of the Complete Journey: counts on the real data, and what is said of files that are not what they should be."""

from __future__ import annotations

import importlib.util
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from features.assumptions import FILE as ASSUMPTIONS_FILE
from features.errors import SourceUnreadable
from features.import_consent import ImportConsent
from features.settings import FeatureSettings
from features.sources.complete_journey import _COLUMNS, import_complete_journey, package_folder, translate
from features.warehouse import Warehouse, open_warehouse
from tests.contracts.source_suite import SourceSuite

# The source's shape with two households, three baskets: one whole, one of a coupon line only, one with an unknown product.
WHEN = datetime(2017, 3, 4, 18, 30)  # noqa: DTZ001 - the source's times carry no zone


def _raw() -> dict[str, pl.DataFrame]:
    lines = [
        ("1", 10, "a", 2, 4.0, 0.5, 0.25, 0.25),
        ("1", 10, "b", 0, 0.0, 0.0, 1.0, 0.0),
        ("2", 20, "b", 0, 0.0, 0.0, 2.0, 0.0),
        ("2", 30, "z", 1, 3.0, 0.0, 0.0, 0.0),
    ]
    columns = ["household_id", "basket_id", "product_id", "quantity", "sales_value", "retail_disc", "coupon_disc", "coupon_match_disc"]
    transactions = pl.DataFrame(lines, schema=columns, orient="row").with_columns(store_id=1, transaction_timestamp=pl.lit(WHEN))
    product = {"department": "GROCERY", "brand": "National", "product_category": "TEA", "product_type": "GREEN", "package_size": "1 LB"}
    facts = dict.fromkeys(("age", "income", "home_ownership", "marital_status", "household_size", "household_comp", "kids_count"), "x")
    end = WHEN.replace(hour=0, minute=0)
    return {
        "transactions": transactions,
        "products": pl.DataFrame([{"product_id": p, **product} for p in "ab"]),
        "demographics": pl.DataFrame([{"household_id": "1", **facts}]),
        "campaigns": pl.DataFrame({"campaign_id": [7], "household_id": ["1"]}),
        "campaign_descriptions": pl.DataFrame({"campaign_id": [7], "campaign_type": ["Type A"], "start_date": [end], "end_date": [end]}),
        "coupons": pl.DataFrame({"coupon_upc": [5, 5], "product_id": ["a", "a"], "campaign_id": [7, 7]}),
        "coupon_redemptions": pl.DataFrame({"household_id": ["1"], "coupon_upc": [5], "campaign_id": [7], "redemption_date": [end]}),
    }


def _written(folder: Path) -> Path:
    folder.mkdir()
    for name, frame in _raw().items():
        frame.write_parquet(folder / f"{name}.parquet")
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return _written(tmp_path / "source")


class TestCompleteJourney(SourceSuite):
    fates = ("lines kept", "lines set aside: quantity not above zero")

    @pytest.fixture
    def source(self, tmp_path: Path) -> Path:
        return _written(tmp_path / "source")

    def bring(self, settings: FeatureSettings, source: Path) -> tuple[Warehouse, bool]:
        return import_complete_journey(settings, folder=source, consent=ImportConsent.GRANTED)

    def change(self, source: Path) -> None:
        frame = pl.read_parquet(source / "demographics.parquet")
        pl.concat([frame, frame.with_columns(household_id=pl.lit("2"))]).write_parquet(source / "demographics.parquet")

    def damage(self, source: Path) -> None:
        os.truncate(source / "coupons.parquet", 100)


@pytest.fixture
def settings(tmp_path: Path) -> FeatureSettings:
    return FeatureSettings(data_dir=tmp_path / "data")


def test_the_real_counts(real_shop: FeatureSettings) -> None:
    warehouse = open_warehouse(real_shop)
    counts = warehouse.report["counts"]
    assert counts["lines read"] == 1_469_307
    assert counts["orders"] == warehouse.read("orders").height == 155_848
    assert counts["lines set aside: quantity not above zero"] == warehouse.read("excluded_lines").height == 8_869
    assert counts["lines kept"] == warehouse.read("order_lines").height == 1_469_307 - 8_869
    assert counts["lines of products missing from the catalogue"] == 4_836
    assert warehouse.read("customers").height == 2_469
    assert warehouse.read("customers")["age_band"].drop_nulls().len() == 801
    assert warehouse.read("offers").height == 27


def test_the_real_money_is_all_there(real_shop: FeatureSettings, complete_journey_folder: Path) -> None:
    raw = pl.read_parquet(complete_journey_folder / "transactions.parquet", columns=["sales_value", "quantity"])
    kept = raw.filter(pl.col("quantity") > 0)["sales_value"].sum()
    warehouse = open_warehouse(real_shop)
    assert warehouse.read("order_lines")["amount"].sum() == pytest.approx(kept)
    assert warehouse.read("orders")["amount"].sum() == pytest.approx(kept)


def test_the_unchanged_real_source_is_not_imported_twice(real_shop: FeatureSettings, complete_journey_folder: Path) -> None:
    before = open_warehouse(real_shop)
    again, imported = import_complete_journey(real_shop, folder=complete_journey_folder, consent=ImportConsent.GRANTED)
    assert (again.folder, imported) == (before.folder, False)


def _import(settings: FeatureSettings, source: Path) -> Warehouse:
    warehouse, imported = import_complete_journey(settings, folder=source, consent=ImportConsent.GRANTED)
    assert imported
    return warehouse


def test_lines_without_quantity_are_set_aside_and_their_order_and_discount_stay(settings: FeatureSettings, source: Path) -> None:
    warehouse = _import(settings, source)
    orders = {row["order_id"]: row for row in warehouse.read("orders").iter_rows(named=True)}
    assert (orders["10"]["amount"], orders["10"]["discount"], orders["10"]["coupon_discount"]) == (4.0, 2.0, 1.5)
    assert (orders["20"]["amount"], orders["20"]["line_count"], orders["20"]["coupon_discount"]) == (0.0, 0, 2.0)
    assert warehouse.read("excluded_lines")["order_id"].sort().to_list() == ["10", "20"]
    assert warehouse.report["counts"]["orders left without a line"] == 1


def test_a_product_missing_from_the_catalogue_is_kept_as_a_sale(settings: FeatureSettings, source: Path) -> None:
    products = {row["product_id"]: row["in_catalogue"] for row in _import(settings, source).read("products").iter_rows(named=True)}
    assert products == {"a": True, "b": True, "z": False}


def test_a_household_without_facts_is_a_customer(settings: FeatureSettings, source: Path) -> None:
    customers = _import(settings, source).read("customers")
    assert customers["customer_id"].to_list() == ["1", "2"]
    assert customers["age_band"].to_list() == ["x", None]


def test_days_stay_the_shops_days_and_known_days_count_from_their_end(settings: FeatureSettings, source: Path) -> None:
    warehouse = _import(settings, source)
    last_moment = datetime(2017, 3, 4, 23, 59, 59, 999_999, tzinfo=UTC)
    assert warehouse.last_event == WHEN.replace(tzinfo=UTC)
    assert warehouse.read("redemptions")["redeemed_at"].to_list() == [last_moment]
    assert warehouse.read("offers")["ends_at"].to_list() == [last_moment]
    assert warehouse.read("contacts")["sent_at"].to_list() == [datetime(2017, 3, 4, tzinfo=UTC)]


def test_a_repeated_coupon_row_is_counted_once(settings: FeatureSettings, source: Path) -> None:
    warehouse = _import(settings, source)
    assert warehouse.read("offer_items").height == 1
    assert warehouse.report["counts"]["coupon rows repeated"] == 1


@pytest.mark.parametrize("name", _COLUMNS)
def test_a_missing_file_is_one_clear_sentence(name: str, settings: FeatureSettings, source: Path) -> None:
    (source / f"{name}.parquet").unlink()
    with pytest.raises(SourceUnreadable, match=rf"{name}\.parquet is missing; reinstall"):
        import_complete_journey(settings, folder=source, consent=ImportConsent.GRANTED)
    assert not settings.warehouse_dir.exists()


@pytest.mark.parametrize("name", _COLUMNS)
def test_a_damaged_file_is_one_clear_sentence(name: str, settings: FeatureSettings, source: Path) -> None:
    path = source / f"{name}.parquet"
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(SourceUnreadable, match=rf"{name}\.parquet cannot be read as Parquet"):
        import_complete_journey(settings, folder=source, consent=ImportConsent.GRANTED)


@pytest.mark.parametrize(("name", "column"), [(n, c) for n, frame in _raw().items() for c in frame.columns])
def test_every_column_the_translation_reads_is_asked_for_by_name(name: str, column: str, settings: FeatureSettings, source: Path) -> None:
    path = source / f"{name}.parquet"
    pl.read_parquet(path).drop(column).write_parquet(path)
    with pytest.raises(SourceUnreadable, match=rf"{name}\.parquet lacks the column\(s\) {column}"):
        import_complete_journey(settings, folder=source, consent=ImportConsent.GRANTED)


def test_an_unchanged_source_is_not_imported_twice_unless_forced_or_changed(settings: FeatureSettings, source: Path) -> None:
    told: list[str] = []
    first, _ = import_complete_journey(settings, folder=source, progress=told.append, consent=ImportConsent.GRANTED)
    assert any("transactions" in part for part in told)
    again, imported = import_complete_journey(settings, folder=source, consent=ImportConsent.GRANTED)
    assert (again.folder, imported) == (first.folder, False)
    forced, imported = import_complete_journey(settings, folder=source, force=True, consent=ImportConsent.GRANTED)
    assert (imported, forced.version) == (True, first.version)
    frame = pl.read_parquet(source / "demographics.parquet")
    pl.concat([frame, frame.with_columns(household_id=pl.lit("2"))]).write_parquet(source / "demographics.parquet")
    _, imported = import_complete_journey(settings, folder=source, consent=ImportConsent.GRANTED)
    assert imported


def test_the_shops_own_assumptions_are_kept(settings: FeatureSettings, source: Path) -> None:
    _import(settings, source)
    path = settings.data_dir / ASSUMPTIONS_FILE
    path.write_text(path.read_text(encoding="utf-8").replace("0.25", "0.35"), encoding="utf-8")
    edited = path.read_text(encoding="utf-8")
    import_complete_journey(settings, folder=source, force=True, consent=ImportConsent.GRANTED)
    assert path.read_text(encoding="utf-8") == edited


def test_a_package_that_is_not_installed_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SourceUnreadable, match="pip install"):
        package_folder()


def test_translation_does_not_change_its_input() -> None:
    raw = _raw()
    translate(raw)
    assert all(frame.equals(raw[name]) for name, frame in _raw().items())


def test_the_packages_own_folder_is_the_default(complete_journey_folder: Path) -> None:
    assert package_folder() == complete_journey_folder
    assert shutil.disk_usage(complete_journey_folder).total > 0
