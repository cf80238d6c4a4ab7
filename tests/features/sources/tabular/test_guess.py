"""The mapping is guessed by names in English and Chinese; a file that lacks what is needed is refused with the nearest names."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.errors import SourceUnreadable
from features.settings import FeatureSettings
from features.sources.tabular.file_forms import read_file
from features.sources.tabular.guess import guess
from features.sources.tabular.importing import plan
from features.sources.tabular.kinds import KINDS, kind
from features.sources.tabular.mapping import Mapping, Part, Reading, load_mapping, save_mapping
from tests.features.sources.tabular.files import CLEAN, write


def columns(tmp_path: Path, header: str, row: str, of: str = "orders", name: str = "f.csv") -> dict[str, str]:
    path = write(tmp_path / name, f"{header}\n{row}\n{row}x\n")
    return guess(kind(of), read_file(path, Reading()), path).part.columns


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        ("订单号,会员编号,付款时间,商品编码,商品名称,数量,实付金额", "1,2,2024-01-05 08:00:00,P1,苹果,2,30.5",
         {"order_id": "订单号", "customer_id": "会员编号", "ordered_at": "付款时间", "product_id": "商品编码", "product_name": "商品名称",
          "quantity": "数量", "amount": "实付金额"}),
        ("Order No.;Customer-ID;Order Date;SKU;Qty;Line Total", "1;2;05.01.2024;P1;2;30,50",
         {"order_id": "Order No.", "customer_id": "Customer-ID", "ordered_at": "Order Date", "product_id": "SKU", "quantity": "Qty",
          "amount": "Line Total"}),
        ("Name,Email,Paid at,Total,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku",
         "#1,a@x.com,2024-01-05 11:00,30,2024-01-05 10:00,2,Soap,5.00,SP-1",
         {"order_id": "Name", "customer_id": "Email", "ordered_at": "Created at", "product_id": "Lineitem sku",
          "product_name": "Lineitem name", "quantity": "Lineitem quantity", "unit_price": "Lineitem price"}),
        ("Order Number,Order Date,Customer Note,Email (Billing),SKU,Item Name,Quantity (- Refund),Item Cost",
         "501,2024-03-01 12:00,,a@x.com,SP-1,Soap,2,5",
         {"order_id": "Order Number", "customer_id": "Email (Billing)", "ordered_at": "Order Date", "product_id": "SKU",
          "product_name": "Item Name", "quantity": "Quantity (- Refund)", "unit_price": "Item Cost"}),
        ("increment_id,created_at,customer_id,customer_email,sku,name,qty_ordered,price,row_total,grand_total",
         '1,"Jan 5, 2024, 10:00:00 AM",7,a@x.com,SP-1,Soap,2,5,10,25',
         {"order_id": "increment_id", "customer_id": "customer_id", "ordered_at": "created_at", "product_id": "sku", "product_name": "name",
          "quantity": "qty_ordered", "amount": "row_total", "unit_price": "price"}),
        ("子订单编号,主订单编号,买家会员名,标题,价格,购买数量,外部系统编号,商家编码,买家实际支付金额,订单创建时间,订单付款时间",
         '="1",="2",小明,香皂,5.00,2,,SP-1,10.00,2024-01-05 10:00:00,2024-01-05 10:01:00',
         {"order_id": "主订单编号", "customer_id": "买家会员名", "ordered_at": "订单创建时间", "product_id": "商家编码",
          "product_name": "标题", "quantity": "购买数量", "amount": "买家实际支付金额", "unit_price": "价格"}),
        ("Bestellnummer;Kundennummer;Bestelldatum;Artikelnummer;Menge;Betrag", "1;7;05.01.2024;A1;2;30,50",
         {"order_id": "Bestellnummer", "customer_id": "Kundennummer", "ordered_at": "Bestelldatum", "product_id": "Artikelnummer",
          "quantity": "Menge", "amount": "Betrag"}),
        ("customer_nr,when_bought,product_idd", "7,2024-01-05,P1",
         {"customer_id": "customer_nr", "ordered_at": "when_bought", "product_id": "product_idd"}),
    ],
)  # fmt: skip
def test_columns_are_found_by_their_names(tmp_path: Path, header: str, row: str, expected: dict[str, str]) -> None:
    assert columns(tmp_path, header, row) == expected


def test_a_column_of_words_is_no_amount(tmp_path: Path) -> None:
    assert "amount" not in columns(tmp_path, "customer_id,date,total", "1,2024-01-05,much")


def test_pairs_without_a_header_are_told_by_the_name_of_the_file(tmp_path: Path) -> None:
    assert columns(tmp_path, "1\t2", "3\t4", "interactions", "user_bundle_train.txt") == {
        "customer_id": "column_1",
        "bundle_id": "column_2",
    }
    assert columns(tmp_path, "1\t2", "3\t4", "interactions", "user_item.txt") == {"customer_id": "column_1", "product_id": "column_2"}


def test_a_required_column_is_missed_by_name(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match=r"f\.csv has no column for ordered_at.*nearest: 'ordred'.*\[orders\.columns\]"):
        columns(tmp_path, "customer_id,amount,ordred", "1,2,x")
    with pytest.raises(SourceUnreadable, match=r"no column for bundle_id"):
        columns(tmp_path, "product_id,label", "1,2", "bundles")


def test_a_mapping_that_does_not_fit_names_its_column_and_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", "cust,moment,paid\n1,x,3\n")
    part = Part(columns={"customer_id": "cust", "ordered_at": "momentt"})
    with pytest.raises(SourceUnreadable, match=r"lacks the column 'momentt'.*nearest: 'moment'"):
        plan(FeatureSettings(data_dir=tmp_path), {"orders": [path]}, Mapping(parts={"orders": part}), lambda _: None)


def test_the_mapping_file_is_a_round_trip(tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", CLEAN.replace("2,5.00", '"2","5,00"').replace(".50", ".5"))
    found = guess(kind("orders"), read_file(path, Reading()), path).part
    mapping = Mapping(
        parts={"orders": found, "orders:f.csv": Part(columns={"ordered_at": "t"}, reading=Reading(time_zone="Asia/Shanghai"))}
    )
    save_mapping(tmp_path / "mapping.toml", mapping)
    assert load_mapping(tmp_path / "mapping.toml") == mapping


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("orders = [", "not valid TOML"),
        ("[ordrs.columns]\na = 'b'\n", r"no part \[ordrs\]; choose from orders"),
        ("[orders.columns]\namont = 'b'\n", "no field amont; choose from order_id"),
        ("[orders]\ncolumns = {}\nreading = {time_zone = 'Mars'}\n", "orders.reading.time_zone.*no time zone"),
    ],
)
def test_a_broken_mapping_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SourceUnreadable, match=words):
        load_mapping(write(tmp_path / "m.toml", text))


def test_no_name_stands_for_two_fields_of_a_kind() -> None:
    for of in KINDS:
        names = [name for field in of.fields for name in (field.name.replace("_", ""), *field.names)]
        repeated = {name for name in names if names.count(name) > 1}
        assert repeated == set(), of.name
