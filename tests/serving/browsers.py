"""Customers of the small shop who never ordered: one looked at products yesterday, one only follows the channel."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np

from features.feast_bytes import PROJECT, VIEW, entity_key
from features.feature_sets import CATEGORY, CUSTOMER, RECENT, TAGS
from features.import_consent import ImportConsent
from features.packing import Block
from features.permitted import state_import
from features.products import FILE as PRODUCTS_FILE
from features.products import FirstOrders, read_products
from features.settings import FeatureSettings
from features.store import DATABASE
from features.versions import current_folder
from tests.serving.small_shop import AS_OF, feast_bytes

LOOKS, FOLLOWS = "looks", "follows"
LOOKED_AT = ("p21", "p22")
FIRST_ORDERS = FirstOrders(people=399, ordered=40, basket=20.0)


def write_browsers(data_dir: Path) -> None:
    """Add them to the online state, as a build and a refresh leave them, with their consent."""
    folder = current_folder(data_dir / "online", remedy="write the small shop first")
    connection = sqlite3.connect(folder / DATABASE)
    for customer, seen in ((LOOKS, LOOKED_AT), (FOLLOWS, ())):
        for name, block in _blocks(seen).items():
            row = (entity_key(customer), name, feast_bytes(block.pack()))
            connection.execute(f'INSERT INTO "{PROJECT}_{VIEW}" VALUES (?, ?, ?)', row)  # noqa: S608
    connection.commit()
    connection.close()
    products = read_products(folder).model_copy(update={"first_orders": FIRST_ORDERS})
    (folder / PRODUCTS_FILE).write_text(products.model_dump_json(), encoding="utf-8")
    state_import(FeatureSettings(data_dir=data_dir), (LOOKS, FOLLOWS), ImportConsent.GRANTED)


def vector_of(*, looked: bool) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Features as the definitions give them without an order."""
    unknown = ("days_since_", "gap_", "amount_mean", "amount_last", "lines_mean", "lines_last", "mean_", "last_")
    values = {name: np.nan if name.startswith(unknown) or name.endswith("_share") else 0.0 for name in CUSTOMER.columns}
    values["days_observed"] = 365.0
    if looked:
        values |= {"days_since_last_product_view": 1.0, "days_since_last_activity": 1.0, "product_views_decayed_28d": 1.9}
    return np.array([values[name] for name in CUSTOMER.columns])


def _blocks(seen: tuple[str, ...]) -> dict[str, Block]:
    looks = np.array([[0.0, 0.0], *([2.0, 1.0 + place] for place in range(len(seen)))])
    return {
        "vector": Block(CUSTOMER.hash, AS_OF, ("",), vector_of(looked=bool(seen))[None, :]),
        "categories": Block(CATEGORY.hash, AS_OF, (), np.empty((0, len(CATEGORY.columns)))),
        "recent": Block(RECENT.hash, AS_OF, ("", *seen), looks),
        "tags": Block(TAGS.hash, AS_OF, (), np.empty((0, 1))),
    }
