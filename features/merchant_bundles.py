"""Sets the merchant sells together: `DATA_DIR/bundles.csv`, one row per product, and `huitou import tabular --bundles`."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from features.errors import SourceUnreadable
from features.schema import BUNDLE_ITEMS
from features.warehouse import Warehouse

FILE = "bundles.csv"
_COLUMNS = ("bundle_id", "label", "product_id")


@dataclass(frozen=True)
class MerchantSet:
    """One set as the merchant gave it.

    Attributes:
        bundle_id: the merchant's own id.
        label: what customers read.
        product_ids: at least two different products, in the file's order.
    """

    bundle_id: str
    label: str
    product_ids: tuple[str, ...]


def merchant_sets(warehouse: Warehouse, data_dir: Path) -> tuple[MerchantSet, ...]:
    """Every set: those of `bundles.csv`, then the imported ones whose id it does not hold; a set of one product is none.

    Raises:
        SourceUnreadable: see `read_merchant_sets`.
    """
    written = read_merchant_sets(data_dir)
    known = {given.bundle_id for given in written}
    members: dict[str, list[str]] = {}
    labels: dict[str, str] = {}
    for row in warehouse.read(BUNDLE_ITEMS.name).iter_rows(named=True):
        if row["bundle_id"] not in known:
            members.setdefault(row["bundle_id"], []).append(row["product_id"])
            labels.setdefault(row["bundle_id"], row["label"] or row["bundle_id"])
    return (*written, *(MerchantSet(bundle, labels[bundle], tuple(items)) for bundle, items in members.items() if len(items) > 1))


def read_merchant_sets(data_dir: Path) -> tuple[MerchantSet, ...]:
    """Read the file; no file means no sets.

    Raises:
        SourceUnreadable: names the file, the row and what is wrong with it.
    """
    path = data_dir / FILE
    if not path.is_file():
        return ()
    members: dict[str, list[str]] = {}
    labels: dict[str, str] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = [c for c in _COLUMNS if c not in (reader.fieldnames or ())]
        if missing:
            raise SourceUnreadable(f"{path} lacks the column(s) {', '.join(missing)}; it needs {', '.join(_COLUMNS)}.")
        for row in reader:
            bundle, product = (row["bundle_id"] or "").strip(), (row["product_id"] or "").strip()
            if not bundle or not product:
                raise SourceUnreadable(f"{path}, row {reader.line_num}: bundle_id and product_id must not be empty.")
            if product in members.get(bundle, ()):
                raise SourceUnreadable(f"{path}, row {reader.line_num}: bundle {bundle} holds product {product} twice.")
            members.setdefault(bundle, []).append(product)
            labels.setdefault(bundle, (row["label"] or "").strip() or bundle)
    small = [bundle for bundle, products in members.items() if len(products) < 2]
    if small:
        raise SourceUnreadable(f"{path}: bundle {small[0]} holds a single product; a set needs at least two.")
    return tuple(MerchantSet(bundle, labels[bundle], tuple(products)) for bundle, products in members.items())
