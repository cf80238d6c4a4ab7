"""Orders of the made-up shop: rhythms, tastes and shelves drawn from a seed, whole arrays at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.serving.shop_size import ShopSize
from features.schema import TIME

START = datetime(2024, 1, 1, tzinfo=UTC)
_SECONDS_A_WEEK = 7 * 86_400
_TASTES = 8  # categories that a household comes back for
_DISCOUNTS = np.array([0.0, 0.0, 0.0, 0.1, 0.2])


@dataclass(frozen=True)
class Sales:
    """What was sold.

    Attributes:
        orders, lines: tables of `features.schema`.
        last: moment of the last order, UTC.
        firsts: (customers,) seconds from `START` to each customer's first order, infinity without one.
    """

    orders: pl.DataFrame
    lines: pl.DataFrame
    last: datetime
    firsts: NDArray[np.float64]


def customer_ids(size: ShopSize) -> list[str]:
    """Ids of the customers, by their place."""
    return [f"c{i:07d}" for i in range(size.customers)]


def product_ids(size: ShopSize) -> NDArray[np.str_]:
    """Ids of the products, by their place; those of a category stand together, the best seller first."""
    return np.array([f"p{i:07d}" for i in range(size.products)])


def category_names(size: ShopSize) -> list[str]:
    """Names of the categories, by their place."""
    return [f"CATEGORY {i:03d}" for i in range(size.categories)]


def prices(size: ShopSize) -> NDArray[np.float64]:
    """(products,) list price of one piece, in the shop's currency."""
    random = np.random.default_rng([size.seed, 2])
    return np.round(random.lognormal(2.0, 0.7, size.products) + 0.5, 2)


def moments(seconds: NDArray[np.float64]) -> pl.Series:
    """Seconds since `START` as times."""
    return pl.Series(START.timestamp() * 1e6 + np.round(seconds * 1e6)).cast(pl.Int64).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def drawn_sales(size: ShopSize) -> Sales:
    """Every order: gaps of two gamma steps around the customer's own rhythm; a third stay away from some moment on."""
    random = np.random.default_rng([size.seed, 1])
    end = float(size.weeks * _SECONDS_A_WEEK)
    gap = np.clip(random.lognormal(np.log(18.0), 0.6, size.customers), 4.0, 120.0) * 86_400
    begins = random.uniform(0.0, 0.6 * end, size.customers)
    leaves = np.where(random.random(size.customers) < 0.33, begins + random.uniform(0.1, 1.0, size.customers) * (end - begins), end)
    owner, at = _times(random, gap, begins, leaves)
    order = np.argsort(at, kind="stable")
    owner, at = owner[order], at[order]
    return _told(random, size, owner, at)


def _times(
    random: np.random.Generator, gap: NDArray[np.float64], begins: NDArray[np.float64], leaves: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    counts = np.ceil((leaves - begins) / gap * 1.6).astype(np.int64) + 3
    owner = np.repeat(np.arange(len(gap)), counts)
    steps = random.gamma(2.0, gap[owner] / 2.0)
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    steps[first] = 0.0  # the first order is where the customer begins
    total = np.cumsum(steps)
    at = begins[owner] + total - np.repeat(total[first], counts)
    kept = at < leaves[owner]
    return owner[kept], at[kept]


def _told(random: np.random.Generator, size: ShopSize, owner: NDArray[np.int64], at: NDArray[np.float64]) -> Sales:
    of = np.repeat(np.arange(len(owner)), 1 + np.minimum(random.poisson(2.5, len(owner)), 9))
    of, product = _with_sets(random, size, owner, of, _products(random, size, owner[of]))
    lines = np.bincount(of, minlength=len(owner))
    quantity = 1.0 + (random.random(len(of)) < 0.15)
    full = prices(size)[product] * quantity
    discount = np.round(full * random.choice(_DISCOUNTS, len(of)), 2)
    number = np.arange(len(of)) - np.repeat(np.concatenate([[0], np.cumsum(lines)[:-1]]), lines)
    ids, when = np.array(customer_ids(size)), moments(at)
    order_ids = np.array([f"o{i:08d}" for i in range(len(owner))])
    frame = pl.DataFrame(
        {
            "order_id": order_ids[of],
            "line_number": number,
            "customer_id": ids[owner[of]],
            "ordered_at": when.gather(of),
            "product_id": product_ids(size)[product],
            "quantity": quantity,
            "amount": np.round(full - discount, 2),
            "discount": discount,
        }
    )
    sums = frame.group_by("order_id", maintain_order=True).agg(
        pl.col("amount", "discount", "quantity").sum(), coupon_discount=pl.lit(0.0), line_count=pl.len()
    )
    heads = pl.DataFrame({"order_id": order_ids, "customer_id": ids[owner], "ordered_at": when}).with_columns(
        store_id=pl.lit(None, dtype=pl.String)
    )
    firsts = np.full(size.customers, np.inf)
    np.minimum.at(firsts, owner, at)
    last = START + timedelta(seconds=float(at.max()))
    return Sales(heads.join(sums, on="order_id", maintain_order="left").with_columns(pl.col("ordered_at").cast(TIME)), frame, last, firsts)


def bundle_products(size: ShopSize) -> list[NDArray[np.int64]]:
    """Places of the products of each set: two to four of neighbouring categories, no two alike."""
    random = np.random.default_rng([size.seed, 7])
    shelf = size.products // size.categories
    sets = []
    for count in random.integers(2, 5, size.bundles).tolist():
        category = (int(random.integers(0, size.categories)) + random.integers(0, 3, count)) % size.categories
        sets.append(np.unique(category * shelf + (random.random(count) ** 2 * shelf).astype(np.int64)))
    return [one if len(one) > 1 else np.array([one[0], (one[0] + 1) % size.products]) for one in sets]


def _with_sets(
    random: np.random.Generator, size: ShopSize, owner: NDArray[np.int64], of: NDArray[np.int64], product: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """One order in eight holds a whole set of the merchant's beside what is in it anyway."""
    sets = bundle_products(size)
    also = np.flatnonzero(random.random(len(owner)) < 0.125)
    chosen = (random.random(len(also)) ** 1.5 * len(sets)).astype(np.int64)
    more = [sets[c] for c in chosen.tolist()]
    of = np.concatenate([of, np.repeat(also, [len(one) for one in more])])
    product = np.concatenate([product, *more])
    order = np.argsort(of, kind="stable")
    return of[order], product[order]


def _products(random: np.random.Generator, size: ShopSize, owner: NDArray[np.int64]) -> NDArray[np.int64]:
    """Four lines in five from the customer's own categories; within one the front of the shelf sells most."""
    tastes = random.integers(0, size.categories, (size.customers, _TASTES))
    own = tastes[owner, random.integers(0, _TASTES, len(owner))]
    category = np.where(random.random(len(owner)) < 0.8, own, random.integers(0, size.categories, len(owner)))
    shelf = size.products // size.categories
    place = (random.random(len(owner)) ** 1.7 * shelf).astype(np.int64)
    return np.asarray(category * shelf + place)
