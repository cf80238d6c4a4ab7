"""What serving knows of the products and of the shop's running offers: one compact JSON file, written by the build.

Prices are what customers paid lately; margins, stock rules and exclusions come from the assumptions file and from the product table,
never from code.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from features.errors import StateBroken

FILE = "products.json"
Unit = Literal["category", "product"]  # what a shop's customers buy again; see `features.units`


class Product(BaseModel):
    """One product that may be offered or was bought.

    Attributes:
        category: the unit it belongs to, as in `features.units`; None when it belongs to none.
        price: mean amount paid per piece over the last sales, in currency; None when it never sold.
        margin_rate: share of the price that remains.
        stock: pieces; None when the shop does not say.
        active: in the catalogue, not excluded, sold lately.
    """

    model_config = ConfigDict(frozen=True)

    product_id: str
    category: str | None
    name: str
    price: float | None
    margin_rate: float
    stock: int | None
    active: bool

    def in_stock(self, *, unlimited_when_unknown: bool) -> bool:
        """Whether at least one piece can be sold."""
        return unlimited_when_unknown if self.stock is None else self.stock > 0


class Coupon(BaseModel):
    """One coupon of a running or past campaign, as mailed to some customers."""

    model_config = ConfigDict(frozen=True)

    offer_id: str
    label: str
    starts_at: datetime
    ends_at: datetime
    product_ids: tuple[str, ...]
    redemption_rate: float  # customers who redeemed at least one ÷ customers mailed, all finished campaigns of the history
    redemption_base: int  # customers mailed behind that rate


class FirstOrders(BaseModel):
    """What came of people who had never ordered (`features.first_orders`).

    Attributes:
        people: known four weeks before, without an order.
        ordered: of them, who ordered since.
        basket: mean amount of a customer's first order, currency.
    """

    model_config = ConfigDict(frozen=True)

    people: int
    ordered: int
    basket: float


class Products(BaseModel):
    """The whole file.

    Attributes:
        as_of: time it was made from, UTC.
        products: every product with a price or in the catalogue and active.
        unit: what a category is here: of the shop's own, or each product by itself.
        popular_in_category: category → product ids, best sellers of the last weeks first; the category of the best seller first.
        coupons: campaigns that had not ended by `as_of`.
        mailed: offer id → customers who were mailed its coupons and redeemed none yet.
        spend_percentiles: 101 quantiles of decayed spend over customers who ordered, for the value layer.
        first_orders: None where the history knows nobody who had not ordered.
    """

    model_config = ConfigDict(frozen=True)

    as_of: datetime
    products: tuple[Product, ...]
    unit: Unit
    popular_in_category: dict[str, tuple[str, ...]]
    coupons: tuple[Coupon, ...]
    mailed: dict[str, tuple[str, ...]]
    spend_percentiles: tuple[float, ...]
    first_orders: FirstOrders | None = None


def read_products(folder: Path) -> Products:
    """Read the file in a version folder of the online state.

    Raises:
        StateBroken: missing or damaged.
    """
    path = folder / FILE
    try:
        return Products.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise StateBroken(f"{path} is missing or damaged; run `huitou build --force`.") from error
