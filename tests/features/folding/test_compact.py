"""Events become history exactly once; links, imports and corrections in whatever order give one and the same."""

from __future__ import annotations

import polars as pl
import pytest
from sqlalchemy import delete, text

from features.errors import StateBroken
from features.folding.compact import compact
from features.folding.folded import folded_until
from features.ledger import catalogue
from features.ledger.consents import Purpose, State
from features.ledger.events import EVENTS
from features.schema import CONTACT_FACTS, TABLES
from features.versions import current_folder
from features.warehouse import open_warehouse, write_warehouse
from tests.features.folding.happenings import START, LedgerShop, happened, ordered, owners

OWNED = ("orders", "order_lines", "contacts", "interactions", "activities", "refunds", "customers")


def _everything(customer: str) -> list[object]:
    return [
        ordered(f"order-{customer}", customer, 0),
        happened("order_refunded", customer, 1, order_id=f"order-{customer}", products=[{"product_id": "cup"}]),
        happened("message_sent", customer, 2, channel="sms", offer_id="o"),
        happened("product_viewed", customer, 3, product_id="tea"),
        happened("tag_added", customer, 4, tag="dry skin"),
    ]


def _import(shop: LedgerShop, *rows: tuple[str, str, float]) -> None:
    """Orders of (id, customer, amount) as a file would bring them; who is in it consented before."""
    at = [START] * len(rows)
    ids, customers, amounts = ([row[n] for row in rows] for n in range(3))
    orders = pl.DataFrame(
        {
            "order_id": ids,
            "customer_id": customers,
            "ordered_at": at,
            "store_id": [None] * len(rows),
            "amount": amounts,
            "discount": 0.0,
            "coupon_discount": 0.0,
            "line_count": 1,
            "quantity": 1.0,
        }
    )
    lines = orders.select(
        "order_id",
        pl.lit(0).alias("line_number"),
        "customer_id",
        "ordered_at",
        pl.lit("tea").alias("product_id"),
        "quantity",
        "amount",
        "discount",
    )
    shop.agree(customers)
    write_warehouse(shop.settings, {"orders": orders, "order_lines": lines}, {"source": "test"}, {"rows": rows})


def test_doing_it_again_changes_nothing(shop: LedgerShop) -> None:
    shop.tell(*_everything("ana"))
    first = shop.compact()
    folder, version = open_warehouse(shop.settings).folder, shop.version
    again = shop.compact()

    assert (first.events, first.changed) == (5, True)
    assert (again.events, again.changed) == (0, False)
    assert (open_warehouse(shop.settings).folder, shop.version) == (folder, version)


def test_an_older_ledger_beside_newer_files_is_refused(shop: LedgerShop) -> None:
    shop.ledger.append([happened("product_viewed", "ann", hour, product_id="tea") for hour in range(3)])
    compact(shop.settings)
    with shop.ledger.database.writing() as connection:
        connection.execute(delete(EVENTS))  # as where somebody was erased: the numbers stay given
    assert compact(shop.settings).events == 0
    with shop.ledger.database.writing() as connection:
        # As in an older backup, which knows of one event only.
        older = "UPDATE sqlite_sequence SET seq = 1" if shop.ledger.database.is_sqlite else "SELECT setval('events_seq_seq', 1)"
        connection.execute(text(older))
    with pytest.raises(StateBroken, match="older ledger"):
        compact(shop.settings)


def test_in_parts_is_at_once(shop: LedgerShop, tmp_path_factory: pytest.TempPathFactory) -> None:
    events = [*_everything("ana"), *_everything("ben"), ordered("order-ana", "ana", 0, message="corrected", total=1)]
    for event in events:
        shop.tell(event)
        shop.compact()
    other = LedgerShop.open(shop.settings.model_copy(update={"data_dir": tmp_path_factory.mktemp("other")}))
    other.compact()
    other.ledger.close()

    assert shop.version == other.version
    assert folded_until(shop.settings) == len(events)


def test_links_merge_everything_and_undoing_them_gives_it_back(shop: LedgerShop) -> None:
    shop.tell(*_everything("ana"), *_everything("anonymous:a"))
    shop.compact()
    before, both = shop.version, owners(shop, OWNED)
    number = shop.link("anonymous:a", "ana")
    shop.compact()
    merged = owners(shop, OWNED)
    shop.undo(number)
    shop.compact()

    assert both == {name: ["ana", "anonymous:a"] for name in OWNED}
    assert merged == {name: ["ana"] for name in OWNED}
    assert shop.version == before


def test_a_link_merges_imported_rows_too(shop: LedgerShop) -> None:
    _import(shop, ("i1", "card-7", 4.0))
    shop.tell(ordered("o1", "ana", 2))
    shop.link("card-7", "ana")
    shop.compact()
    assert shop.table("orders").select("order_id", "customer_id").rows() == [("i1", "ana"), ("o1", "ana")]


def test_an_import_after_compaction_keeps_the_folded_events(shop: LedgerShop) -> None:
    shop.tell(ordered("o1", "ana", 2))
    shop.compact()
    _import(shop, ("i1", "ben", 4.0))
    assert shop.table("orders")["order_id"].to_list() == ["i1", "o1"]


def test_an_order_that_was_imported_is_not_counted_again(shop: LedgerShop) -> None:
    shop.tell(ordered("o1", "ana", 0, total=99), ordered("o2", "ana", 1))
    shop.compact()
    _import(shop, ("o1", "ana", 4.0))
    assert shop.table("orders").select("order_id", "amount").rows() == [("o1", 4.0), ("o2", 25.0)]
    assert shop.table("order_lines").group_by("order_id").len().sort("order_id").rows() == [("o1", 1), ("o2", 2)]

    _import(shop, ("i1", "ana", 1.0))  # the file that told of it is gone: the event counts
    assert shop.table("orders").sort("order_id").select("order_id", "amount").rows() == [("i1", 1.0), ("o1", 99.0), ("o2", 25.0)]


def test_cancelled_is_the_whole_order_paid_back_once(shop: LedgerShop) -> None:
    shop.tell(
        ordered("o1", "ana", 0),
        happened("order_refunded", "ana", 1, order_id="o1", products=[{"product_id": "tea", "quantity": 1, "price": 10}]),
        happened("order_cancelled", "ana", 2, order_id="o1"),
        happened("order_refunded", "ana", 3, order_id="o1"),
    )
    shop.compact()
    refunds = shop.table("refunds")
    assert refunds.select("product_id", "quantity", "amount", "order_line_number").rows() == [
        ("tea", 1.0, 10.0, 0),
        ("tea", 1.0, 10.0, 0),
        ("cup", 1.0, 5.0, 1),
    ]
    assert refunds["amount"].sum() == shop.table("orders")["amount"].sum()


def test_a_refund_finds_its_sale_in_the_import(shop: LedgerShop) -> None:
    _import(shop, ("i1", "ana", 4.0))
    shop.tell(happened("order_cancelled", "ana", 9, order_id="i1"), happened("order_cancelled", "ana", 9, order_id="unknown", total=3))
    shop.compact()
    rows = shop.table("refunds").select("order_id", "product_id", "amount").sort("amount").rows()
    assert rows == [(None, None, 3.0), ("i1", "tea", 4.0)]


def test_the_clock_of_the_history_is_the_last_thing_known(shop: LedgerShop) -> None:
    shop.tell(ordered("o1", "ana", 2))
    shop.compact()
    assert (open_warehouse(shop.settings).last_event - START).days == 2
    shop.tell(happened("tag_added", "ana", 5, tag="dry skin"))
    shop.compact()
    assert (open_warehouse(shop.settings).last_event - START).days == 5
    assert (open_warehouse(shop.settings).first_event - START).days == 2


def test_products_that_only_events_know_are_sold_but_not_recommended(shop: LedgerShop) -> None:
    shop.tell(ordered("o1", "ana", 2))
    with shop.ledger.database.writing() as connection:
        catalogue.put_stock(connection, {"tea": 3}, at=START)
    shop.compact()
    products = shop.table("products").sort("product_id").select("product_id", "in_catalogue", "stock").rows()
    assert products == [("cup", False, None), ("tea", False, 3)]


def test_of_a_child_is_kept_only_what_its_guardian_agreed_to_by_any_of_their_ids(shop: LedgerShop) -> None:
    shop.tell(happened("life_stage_stated", "anonymous:a", 0, child_age_band="1-3", life_stage="parent"), ordered("o1", "ana", 0))
    shop.link("anonymous:a", "ana")

    def known() -> list[str]:
        shop.compact()
        return shop.table("activities")["label"].sort().to_list()

    assert known() == ["parent"]
    shop.agree(["anonymous:a"], purpose=Purpose.CHILD)
    assert known() == ["1-3", "parent"]
    shop.agree(["ana"], purpose=Purpose.CHILD, state=State.WITHDRAWN)
    assert known() == ["parent"]


def test_files_from_before_a_column_was_declared_are_read(shop: LedgerShop) -> None:
    """The import, the fold and the history that an earlier version left behind."""
    _import(shop, ("o1", "ana", 5.0))
    shop.tell(happened("identified", "bo", 1, age_band="25-34"), ordered("o2", "bo", 0))
    shop.compact()
    for root in (shop.settings.imported_dir, shop.settings.folded_dir):
        path = current_folder(root, remedy="") / "customers.parquet"
        pl.read_parquet(path).drop(CONTACT_FACTS).write_parquet(path)
    shop.tell(happened("identified", "ana", 2, birthday="1990-05-03", timezone="Asia/Shanghai", locale="zh-CN"))
    shop.compact()
    found = shop.table("customers").select("customer_id", "age_band", *CONTACT_FACTS).sort("customer_id")
    assert found.rows() == [("ana", None, "1990-05-03", "Asia/Shanghai", "zh-CN"), ("bo", "25-34", None, None, None)]


def test_traits_fill_in_what_the_import_does_not_say(shop: LedgerShop) -> None:
    shop.tell(ordered("o1", "ana", 0), happened("identified", "ana", 1, age_band="25-34"))
    shop.compact()
    assert shop.table("customers").select("customer_id", "age_band").rows() == [("ana", "25-34")]
    customers = pl.DataFrame({"customer_id": ["ana"], "age_band": ["35-44"]})
    missing = [c for c in next(t for t in TABLES if t.name == "customers").columns if c not in customers.columns]
    tables = {"customers": customers.with_columns(pl.lit(None, pl.String).alias(c) for c in missing)}
    write_warehouse(shop.settings, tables, {"source": "test"}, {"n": 1})
    assert shop.table("customers").select("customer_id", "age_band").rows() == [("ana", "35-44")]
