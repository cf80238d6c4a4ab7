"""Files add up; malformed rows are set aside with line, column and reason, and come back when they are mended; nothing is lost."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from features.errors import SourceUnreadable
from features.settings import FeatureSettings
from features.warehouse import Warehouse
from tests.contracts.source_suite import SourceSuite
from tests.features.sources.tabular.files import CLEAN, import_files, import_orders, write

DIRTY = (
    CLEAN
    + """5,ann,2024-13-45 10:00:00,P1,Soap,1,2.50
6,bob,2024-03-01 10:00:00,P1,Soap,-1,-2.50
7,cat,2024-03-01 10:00:00,P1,Soap,-1,-2.50
8,bob,2024-03-02 10:00:00,P1,Soap,one,2.50
9,bob,2107-03-02 10:00:00,P1,Soap,1,cheap
10,bob,2024-03-03 10:00:00,,,1,2.50
1,ann,2024-01-05 10:00:00,P2,Bread,1,3.50
11,bob,2024-03-04 10:00:00,P1,Soap,0,2.50
12,bob,2024-03-05
"""
)
PRODUCTS = "product_id,name,category\nP1,Fine soap,Care\nP2,Rye bread,Food\n"


class TestTabular(SourceSuite):
    fates = (
        "order lines kept",
        "refund lines matched to their sales",
        "refund lines whose sale is not in the history",
        "lines in quarantine",
    )

    @pytest.fixture
    def source(self, tmp_path: Path) -> Path:
        return write(tmp_path / "source" / "orders.csv", DIRTY).parent

    def bring(self, settings: FeatureSettings, source: Path) -> tuple[Warehouse, bool]:
        imported = import_orders(settings.data_dir, source / "orders.csv")
        return imported.warehouse, imported.changed

    def change(self, source: Path) -> None:
        write(source / "orders.csv", DIRTY + "20,cat,2024-03-06 10:00:00,P1,Soap,1,2.50\n")

    def damage(self, source: Path) -> None:
        write(source / "orders.csv", "colour,shape\nred,round\n")


def test_a_clean_file(tmp_path: Path) -> None:
    imported = import_orders(tmp_path / "data", write(tmp_path / "orders.csv", CLEAN))
    warehouse = imported.warehouse
    orders = warehouse.read("orders").sort("order_id")
    assert orders["customer_id"].to_list() == ["ann", "bob", None, "ann"]
    assert orders["amount"].to_list() == [8.5, 2.5, 3.5, 7.5]
    assert warehouse.read("order_lines").height == 5
    assert warehouse.read("products").select("product_id", "name").rows() == [("P1", "Soap"), ("P2", "Bread")]
    assert warehouse.read("customers")["customer_id"].to_list() == ["ann", "bob"]
    assert warehouse.last_event == datetime(2024, 2, 1, 9, tzinfo=UTC)
    assert imported.quarantine == ()


def test_every_malformed_row_is_set_aside_with_its_reason(tmp_path: Path) -> None:
    imported = import_orders(tmp_path / "data", write(tmp_path / "orders.csv", DIRTY))
    aside = pl.read_csv(imported.quarantine[0], infer_schema=False)
    told = {int(r["huitou_line"]): (r["huitou_column"], r["huitou_reason"]) for r in aside.iter_rows(named=True)}
    assert told == {
        7: ("ordered_at", "not a date or time"),
        9: ("quantity", "negative quantity that is no refund of an earlier sale"),
        10: ("quantity", "not a number"),
        11: ("ordered_at; amount", "impossible time (before 1980 or in the future); not a number"),
        12: ("product_id", "no product"),
        13: ("", "duplicate of an earlier line"),
        14: ("quantity", "quantity of zero"),
        15: ("", "not as many columns as the header"),
    }
    assert set(aside["huitou_file"]) == {"orders.csv"}
    report = imported.warehouse.report
    assert report["counts"]["lines in quarantine"] == 8
    assert report["counts"]["lines read"] == 14
    assert report["counts"]["order lines kept"] == 5
    assert report["counts"]["refund lines matched to their sales"] == 1  # order 6 takes back order 2
    assert report["reasons"]["orders, ordered_at: not a date or time"] == 1
    refund = imported.warehouse.read("refunds").row(0, named=True)
    assert (refund["order_id"], refund["quantity"], refund["amount"]) == ("2", 1.0, 2.5)


def test_mended_rows_come_back_and_the_rest_stays(tmp_path: Path) -> None:
    data = tmp_path / "data"
    imported = import_orders(data, write(tmp_path / "orders.csv", DIRTY))
    path = imported.quarantine[0]
    path.write_text(path.read_text(encoding="utf-8-sig").replace("2024-13-45", "2024-03-05").replace(",one,", ",2,"), encoding="utf-8")
    again = import_orders(data, path)
    lines = again.warehouse.read("order_lines")
    assert lines.filter(pl.col("order_id").is_in(["5", "8"])).select("order_id", "quantity").sort("order_id").rows() == [
        ("5", 1.0),
        ("8", 2.0),
    ]
    assert lines.height == 7  # the duplicate that came back unchanged is still one
    left = pl.read_csv(again.quarantine[0], infer_schema=False)
    assert left["huitou_line"].cast(int).to_list() == [9, 11, 12, 13, 14, 15]
    assert set(left["huitou_file"]) == {"orders.csv"}
    assert again.warehouse.report["counts"]["lines read"] == 14
    path.write_text(again.quarantine[0].read_text(encoding="utf-8-sig").replace("2107", "2024").replace("cheap", "2.50"), encoding="utf-8")
    third = import_orders(data, path)
    assert third.warehouse.read("order_lines").height == 8
    assert pl.read_csv(third.quarantine[0])["huitou_line"].to_list() == [9, 12, 13, 14, 15]


def test_an_edited_quarantine_file_is_never_overwritten(tmp_path: Path) -> None:
    data = tmp_path / "data"
    path = import_orders(data, write(tmp_path / "orders.csv", DIRTY)).quarantine[0]
    path.write_text("half mended", encoding="utf-8")
    import_orders(data, write(tmp_path / "more.csv", CLEAN.replace("\n4,", "\n44,")))
    assert path.with_name(f"{path.stem}.edited-1.csv").read_text(encoding="utf-8") == "half mended"
    assert path.read_text(encoding="utf-8-sig").startswith("huitou_file")


def test_an_unchanged_file_is_not_imported_twice(tmp_path: Path) -> None:
    data, path = tmp_path / "data", write(tmp_path / "orders.csv", CLEAN)
    first = import_orders(data, path)
    renamed = write(tmp_path / "copy-of-orders.csv", CLEAN)
    again = import_orders(data, renamed)
    assert (first.changed, again.changed) == (True, False)
    assert again.warehouse.version == first.warehouse.version


def test_files_add_up_and_overlaps_do_no_harm(tmp_path: Path) -> None:
    data = tmp_path / "data"
    import_orders(data, write(tmp_path / "january.csv", CLEAN))
    overlap = CLEAN.replace(
        "4,ann,2024-02-01 09:00:00,P1,Soap,3,7.50", "4,ann,2024-02-01 09:00:00,P1,Soap,4,10.00\n5,bob,2024-02-02 09:00:00,P2,Bread,1,3.50"
    )
    orders = import_orders(data, write(tmp_path / "february.csv", overlap)).warehouse.read("orders")
    assert orders.height == 5
    assert orders.filter(pl.col("order_id") == "4")["amount"].to_list() == [10.0]  # the newer file is believed


def test_a_mended_original_takes_the_place_of_its_older_self(tmp_path: Path) -> None:
    data = tmp_path / "data"
    import_orders(data, write(tmp_path / "orders.csv", DIRTY))
    mended = import_orders(data, write(tmp_path / "orders.csv", DIRTY.replace("2024-13-45", "2024-03-05")))
    assert 7 not in pl.read_csv(mended.quarantine[0])["huitou_line"].to_list()
    assert len(mended.quarantine) == 1
    assert "5" in mended.warehouse.read("orders")["order_id"].to_list()


def test_unknown_products_are_set_aside_until_the_catalogue_knows_them(tmp_path: Path) -> None:
    data, orders = tmp_path / "data", write(tmp_path / "orders.csv", CLEAN)
    short = write(tmp_path / "products.csv", "\n".join(PRODUCTS.splitlines()[:2]) + "\n")
    imported = import_files(data, {"orders": [orders], "products": [short]})
    assert imported.warehouse.report["reasons"] == {"orders, product_id: unknown product (not in the product files)": 2}
    whole = import_files(data, {"products": [write(tmp_path / "products-2.csv", PRODUCTS)]})
    assert whole.warehouse.report["reasons"] == {}
    assert whole.warehouse.read("products").select("name", "product_category").rows() == [("Fine soap", "Care"), ("Rye bread", "Food")]


def test_a_file_ten_times_over_says_so(tmp_path: Path) -> None:
    head, body = CLEAN.split("\n", 1)
    imported = import_orders(tmp_path / "data", write(tmp_path / "orders.csv", head + "\n" + body * 10))
    assert "10 times duplicated" in imported.warnings[0]
    assert imported.warehouse.read("order_lines").height == 5


def test_cancellations_are_told_by_their_prefix(tmp_path: Path) -> None:
    lines = "".join(f"{i},ann,2024-01-{i:02d} 10:00:00,P1,Soap,2,5.00\n" for i in range(10, 20))
    back = "C20,ann,2024-02-01 10:00:00,P1,Soap,-2,-5.00\nC21,,2024-02-01 10:00:00,P9,Old,-1,-1.00\n"
    imported = import_orders(tmp_path / "data", write(tmp_path / "orders.csv", CLEAN.split("\n", maxsplit=1)[0] + "\n" + lines + back))
    assert imported.warehouse.report["counts"]["refund lines whose sale is not in the history"] == 1
    assert imported.warehouse.read("refunds").sort("refund_id").select("refund_id", "order_id").rows() == [("C20", "19"), ("C21", None)]
    assert imported.warehouse.read("orders").height == 10


def test_ids_that_start_anew_every_day_are_several_orders(tmp_path: Path) -> None:
    text = "order_id,customer_id,ordered_at,amount\n1,ann,2024-01-05,5\n1,bob,2024-01-06,6\n1,bob,2024-02-06,6\n2,ann,2024-01-07,5\n"
    assert import_orders(tmp_path / "data", write(tmp_path / "orders.csv", text)).warehouse.read("orders").height == 4


def test_orders_without_products_or_ids(tmp_path: Path) -> None:
    text = "customer date cds dollars\n1 19970101 1 11.77\n2 19970112 1 12.00\n2 19970112 5 77.00\n2 19970112 5 77.00\n"
    path = write(tmp_path / "log.txt", text.replace("cds", "number_of_cds").replace("dollars", "dollar_value"))
    warehouse = import_orders(tmp_path / "data", path).warehouse
    orders = warehouse.read("orders").sort("customer_id")
    assert orders.select("amount", "quantity", "line_count").rows() == [(11.77, 1.0, 0), (166.0, 11.0, 0)]
    assert warehouse.read("order_lines").is_empty()


def test_a_hopeless_file_is_refused_whole(tmp_path: Path) -> None:
    data = tmp_path / "data"
    import_orders(data, write(tmp_path / "good.csv", CLEAN))
    bad = write(tmp_path / "bad.csv", CLEAN.replace("2024-", "the year 2024-"))
    with pytest.raises(SourceUnreadable, match=r"5 of 5 rows are malformed, most often ordered_at: not a date or time"):
        import_orders(data, bad)
    assert import_orders(data, tmp_path / "good.csv").changed is False


def test_another_sources_history_is_not_overwritten(tmp_path: Path, complete_journey_folder: Path) -> None:
    from tests.permitted import write_warehouse

    data = tmp_path / "data"
    likes = pl.DataFrame(
        {"interaction_id": ["1"], "customer_id": ["a"], "type": ["liked"], "product_id": ["p"], "bundle_id": [None], "occurred_at": [None]}
    )
    write_warehouse(FeatureSettings(data_dir=data), {"interactions": likes}, {"source": "elsewhere"}, {})
    path = write(tmp_path / "orders.csv", CLEAN)
    with pytest.raises(SourceUnreadable, match=r"holds the history of 'elsewhere'; choose another --data-dir, or --replace"):
        import_orders(data, path)
    assert import_files(data, {"orders": [path]}, replace=True).warehouse.read("orders").height == 4


def test_every_kind_of_file(tmp_path: Path) -> None:
    texts = {
        "orders": CLEAN,
        "customers": "customer,age\nann,30-39\nzoe,\n",
        "products": PRODUCTS,
        "contacts": "customer,date,campaign,channel\nann,2024-01-10,K1,sms\n",
        "offers": "campaign,start,end\nK1,2024-01-01,2024-03-01\n",
        "offer_items": "campaign,sku\nK1,P1\n",
        "redemptions": "customer,date,campaign\nann,2024-01-12,K1\n",
        "bundles": "bundle,product,name\nB,P1,Set\nB,P2,Set\n",
        "interactions": "user,item,event,time\nann,P1,viewed,2024-01-01 10:00:00\n",
        "experiments": "customer_id,segment,visit,spend,zip\nann,mail,1,3.5,Rural\nbob,none,0,0,Urban\n",
    }
    imported = import_files(tmp_path / "data", {name: [write(tmp_path / f"{name}.csv", text)] for name, text in texts.items()})
    rows = {name: count for name, count in imported.warehouse.report["rows"].items() if count}
    assert rows == {"customers": 3, "products": 2, "orders": 4, "order_lines": 5, "contacts": 1, "offers": 1, "offer_items": 1} | {
        "redemptions": 1, "bundle_items": 2, "interactions": 1, "experiments": 2}  # fmt: skip
    assert imported.quarantine == ()
    experiment = imported.warehouse.read("experiments").sort("customer_id").row(0, named=True)
    assert (experiment["treatment"], experiment["visited"], experiment["spend"], experiment["traits"]) == (
        "mail",
        True,
        3.5,
        '{"zip":"Rural"}',
    )


def test_a_product_twice_in_one_order_is_kept_where_the_mapping_says_so(tmp_path: Path) -> None:
    data, orders = tmp_path / "data", write(tmp_path / "orders.csv", CLEAN + CLEAN.splitlines()[-1] + "\n")
    first = import_orders(data, orders)
    assert first.warehouse.read("order_lines").height == 5
    assert 'duplicates = "keep" under [orders.meaning]' in first.warnings[0]
    mapping = (data / "mapping.toml").read_text(encoding="utf-8")
    said = mapping.replace('duplicates = "quarantine"', 'duplicates = "keep"')
    (data / "mapping.toml").write_text(said if said != mapping else f'{mapping}\n[orders.meaning]\nduplicates = "keep"\n', encoding="utf-8")
    again = import_orders(data, orders)
    assert again.warehouse.read("order_lines").height == 6
    assert again.warnings == ()
    assert again.warehouse.read("orders")["amount"].to_list()[-1] == 15.0
