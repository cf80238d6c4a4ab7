from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from features.errors import SourceUnreadable
from features.merchant_bundles import FILE, MerchantSet, merchant_sets, read_merchant_sets
from features.settings import FeatureSettings
from tests.permitted import write_warehouse

if TYPE_CHECKING:
    from pathlib import Path


def test_no_file_means_no_sets(tmp_path: Path) -> None:
    assert read_merchant_sets(tmp_path) == ()


def test_reads_sets_in_the_order_of_the_file(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("bundle_id,label,product_id\nb1,Breakfast,9\nb1,,3\nb2,,7\nb2,,8\n", encoding="utf-8")
    assert read_merchant_sets(tmp_path) == (MerchantSet("b1", "Breakfast", ("9", "3")), MerchantSet("b2", "b2", ("7", "8")))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bundle_id,label\nb,x\n", "product_id"),
        ("bundle_id,label,product_id\nb,x,1\nb,x,1\n", "row 3: bundle b holds product 1 twice"),
        ("bundle_id,label,product_id\nb,x,1\n", "bundle b holds a single product"),
        ("bundle_id,label,product_id\nb,x,\n", "row 2"),
    ],
)
def test_says_what_is_wrong_and_where(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(SourceUnreadable, match=said):
        read_merchant_sets(tmp_path)


def test_imported_sets_stand_beside_the_written_ones(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("bundle_id,label,product_id\nb1,Mine,9\nb1,Mine,3\n", encoding="utf-8")
    items = {
        "bundle_id": ["b1", "b1", "b2", "b2", "b3"],
        "label": ["Theirs", "Theirs", None, None, "One"],
        "product_id": ["7", "8", "1", "2", "5"],
    }
    warehouse = write_warehouse(FeatureSettings(data_dir=tmp_path), {"bundle_items": pl.DataFrame(items)}, {}, {})
    assert merchant_sets(warehouse, tmp_path) == (MerchantSet("b1", "Mine", ("9", "3")), MerchantSet("b2", "b2", ("1", "2")))
