"""What a customer runs out of and buys again: the unit that repurchase is forecast for.

It is the category where the shop's products carry one. In a shop none of whose products carries a category, it is the product itself:
this is the only place that says so, and every definition, label and the products file read their units from here. The warehouse's own
`product_category` stays as the shop gave it. Tables of units keep that column's name.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from features.products import Unit
from features.warehouse import Warehouse

# Of products, most pairs are one-off. On Online Retail, as of 2011-11-11, the 48,000 pairs of customer and product bought on two or more
# days (of 234,000) hold half of the pairs bought again within 28 days; 19 % of them are, against 5 % of those bought on one day.
_PURCHASE_DAYS: dict[Unit, int] = {"category": 1, "product": 2}


@dataclass(frozen=True)
class Units:
    """Which unit each product belongs to.

    Attributes:
        kind: what the shop's units are.
        table: `product_id`, `product_category` (the unit's id); products without a unit are left out.
    """

    kind: Unit
    table: pl.DataFrame

    @property
    def purchase_days(self) -> int:
        """Different days on which a customer must have bought a unit before its next purchase is forecast."""
        return _PURCHASE_DAYS[self.kind]


def units_of(products: pl.DataFrame) -> Units:
    """Units of a shop's products.

    Args:
        products: `product_id`, `product_category`, `in_catalogue`. Charges and other things the catalogue does not know are no unit of
            their own.
    """
    known = products.filter(pl.col("product_category").is_not_null())
    if not known.is_empty() or products.is_empty():
        return Units("category", known.select("product_id", "product_category"))
    listed = products.filter("in_catalogue")
    return Units("product", listed.select("product_id", product_category=pl.col("product_id")))


def read_units(warehouse: Warehouse) -> Units:
    """Units of the imported shop."""
    return units_of(warehouse.read("products"))
