"""What may be offered: products, their margins, best sellers and running coupons, read once and asked many times a second."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.assumptions import Assumptions
from features.products import Coupon, Product, Products

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Catalogue:
    """Products and assumptions together.

    Attributes:
        products: what the build wrote.
        assumptions: margins, costs, consent, layers; named in every answer.
    """

    products: Products
    assumptions: Assumptions

    @cached_property
    def _by_id(self) -> dict[str, Product]:
        return {product.product_id: product for product in self.products.products}

    @cached_property
    def _offerable(self) -> frozenset[str]:
        unlimited = self.assumptions.catalogue.stock == "unlimited"
        found = (p for p in self.products.products if p.active and p.in_stock(unlimited_when_unknown=unlimited))
        return frozenset(p.product_id for p in found)

    @cached_property
    def _held(self) -> dict[str, tuple[Coupon, ...]]:
        held: dict[str, list[Coupon]] = {}
        for coupon in self.products.coupons:
            for customer in self.products.mailed.get(coupon.offer_id, ()):
                held.setdefault(customer, []).append(coupon)
        return {customer: tuple(coupons) for customer, coupons in held.items()}

    @cached_property
    def _category_of(self) -> dict[str, str]:
        return {p.product_id: p.category for p in self.products.products if p.category is not None}

    @cached_property
    def outbound_channels(self) -> tuple[str, ...]:
        """Channels on which the shop comes to the customer; put together once, not in every answer."""
        return self.assumptions.outbound_channels

    @cached_property
    def assumptions_version(self) -> str:
        """`name@hash` of the assumptions; hashed once, not in every answer."""
        return self.assumptions.version

    def warm(self) -> None:
        """Pay for the look-ups now, not in a request."""
        _ = self._by_id, self._offerable, self._category_of, self._held, self.best_sellers, self.assumptions_version

    def restocked(self, levels: Mapping[str, int | None]) -> Catalogue:
        """The same catalogue with other stock: what does not depend on stock is shared, so that it costs milliseconds.

        Args:
            levels: product → pieces, None where the shop no longer says; products that the shop has not sold are passed over.
        """
        products = {p: self._by_id[p].model_copy(update={"stock": quantity}) for p, quantity in levels.items() if p in self._by_id}
        unlimited = self.assumptions.catalogue.stock == "unlimited"
        there = {p for p, product in products.items() if product.active and product.in_stock(unlimited_when_unknown=unlimited)}
        made = Catalogue(self.products, self.assumptions)
        made.__dict__.update(
            _by_id=self._by_id | products,
            _offerable=(self._offerable - products.keys()) | there,
            _held=self._held,
            _category_of=self._category_of,
            assumptions_version=self.assumptions_version,
        )
        return made

    def category_of(self, product_id: str) -> str | None:
        """The unit a product belongs to; None when it belongs to none."""
        return self._category_of.get(product_id)

    def product(self, product_id: str) -> Product | None:
        """A product, or None when the shop has none of this id."""
        return self._by_id.get(product_id)

    def active(self, product_id: str) -> bool:
        """Whether the product is in the catalogue, not excluded and sold lately."""
        product = self._by_id.get(product_id)
        return product is not None and product.active

    def offerable(self, product_id: str) -> bool:
        """Whether the product is active and in stock."""
        return product_id in self._offerable

    def mask(self, product_ids: Iterable[str]) -> NDArray[np.bool_]:
        """`offerable` of many products, in their order."""
        return np.fromiter((product_id in self._offerable for product_id in product_ids), np.bool_)

    def name(self, product_id: str) -> str:
        """Name for people; the id itself when the product is unknown."""
        product = self._by_id.get(product_id)
        return product_id if product is None else product.name

    def category_name(self, category: str) -> str:
        """Name of a category for people; where each product is its own category, the product's."""
        return self.name(category) if self.products.unit == "product" else category

    def price(self, product_id: str) -> float:
        """Mean amount paid per piece; 0 when it never sold, so that nothing is expected of it."""
        product = self._by_id.get(product_id)
        return 0.0 if product is None or product.price is None else product.price

    def margin(self, product_id: str) -> float:
        """Money that one sold piece leaves: price × margin rate."""
        product = self._by_id.get(product_id)
        return 0.0 if product is None or product.price is None else product.price * product.margin_rate

    def popular(self, category: str) -> Sequence[str]:
        """Products of a category that may be offered, best sellers first."""
        return [p for p in self.products.popular_in_category.get(category, ()) if p in self._offerable]

    def usual_product(self, category: str, own: Mapping[str, str]) -> str | None:
        """What to offer of a category: the customer's own product (`own_products`), else the best seller, else None."""
        return own.get(category) or next(iter(self.popular(category)), None)

    def own_products(self, product_ids: Iterable[str]) -> dict[str, str]:
        """Category → the first of its products among `product_ids` that may be offered.

        Args:
            product_ids: a customer's purchases, the most recent first.
        """
        own: dict[str, str] = {}
        for product_id in product_ids:
            category = self._category_of.get(product_id)
            if category is not None and category not in own and product_id in self._offerable:
                own[category] = product_id
        return own

    @cached_property
    def best_sellers(self) -> tuple[str, ...]:
        """The first of each category, the best seller before all, then the second of each, …: what stands in for an item model."""
        shelves = [self.popular(category) for category in self.products.popular_in_category]
        depth = max((len(shelf) for shelf in shelves), default=0)
        return tuple(shelf[place] for place in range(depth) for shelf in shelves if place < len(shelf))

    def coupons_change_at(self, customer_id: str, after: datetime) -> datetime | None:
        """The first moment after one at which `coupons_of` tells others; None: never."""
        held = self._held.get(customer_id, ())
        turns = [turn for c in held for turn in (c.starts_at, c.ends_at + _MICROSECOND) if turn > after]
        return min(turns, default=None)

    def coupons_of(self, customer_id: str, at: datetime) -> list[Coupon]:
        """Coupons the customer holds that run at a moment, the one that ends first before the others."""
        running = [c for c in self._held.get(customer_id, ()) if c.starts_at <= at <= c.ends_at]
        return sorted(running, key=lambda coupon: (coupon.ends_at, coupon.offer_id))
