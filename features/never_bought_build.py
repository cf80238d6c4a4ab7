"""Online rows of customers who never ordered: the views' own definitions at the newest date only, a part of the customers at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import reduce
from pathlib import Path

import ibis
import polars as pl

from features.definitions.as_of import one_date_each
from features.definitions.catalogue import CUSTOMER_VIEWS
from features.engine import Shop
from features.feature_sets import CATEGORY, CUSTOMER
from features.looks_build import recent_looks
from features.never_bought import FILE, never_bought
from features.online import pack_customers
from features.schema import CUSTOMERS
from features.tags_build import newest_tags
from features.warehouse import Warehouse

# Customers computed and packed at once: some 350 MB, whatever their number (docs/adr/0014).
_AT_ONCE = 50_000
_KEYS = ("customer_id", "as_of")
_NO_CATEGORIES = pl.DataFrame(
    schema={"customer_id": pl.String, "product_category": pl.String, **dict.fromkeys(CATEGORY.columns, pl.Float64)},
)


def newest_never_bought(warehouse: Warehouse, *, as_of: datetime, within_days: int) -> pl.DataFrame:
    """The spine of `features.never_bought` from the history; arguments and result as there."""
    orders, interactions, activities = (pl.scan_parquet(warehouse.path(name)) for name in ("orders", "interactions", "activities"))
    return never_bought(orders, interactions, activities, as_of=as_of, within_days=within_days)


def write_never_bought(shop: Shop, warehouse: Warehouse, spine: pl.DataFrame, *, folder: Path, as_of: datetime) -> list[Path]:
    """Write `FILE` and the packed rows of everybody in the spine.

    Args:
        shop: the history on the engine.
        warehouse: the same history.
        spine: result of `newest_never_bought`, not empty.
        folder: of the offline build.
        as_of: the spine's date, UTC.

    Returns:
        Files of packed rows, as `features.online.pack_customers` makes them; the caller takes them away.
    """
    plain, packed = [], []
    for number, (vectors, rows) in enumerate(_parts(shop, warehouse, spine, as_of)):
        plain.append(folder / f".plain-{number}.parquet")
        packed.append(folder / f".packed-{number}.parquet")
        vectors.write_parquet(plain[-1])
        rows.write_parquet(packed[-1])
    join_files(plain, folder / FILE)
    return packed


def join_files(parts: list[Path], target: Path) -> None:
    """One file of several, rows in their order, never all in memory; the parts are taken away."""
    pl.scan_parquet(parts).sink_parquet(target)
    for path in parts:
        path.unlink()


def _parts(shop: Shop, warehouse: Warehouse, spine: pl.DataFrame, as_of: datetime) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Features and packed rows, part by part."""
    tags = newest_tags(pl.scan_parquet(warehouse.path("activities")).join(spine.lazy(), on="customer_id", how="semi"), as_of)
    customers = CUSTOMERS.widened(warehouse.read(CUSTOMERS.name))
    for part in spine.iter_slices(_AT_ONCE):
        vectors = vectors_of(shop, part)
        looks = recent_looks(pl.scan_parquet(warehouse.path("interactions")).join(part.lazy(), on="customer_id", how="semi"), as_of)
        theirs = (frame.join(part, on="customer_id", how="semi") for frame in (tags, customers))
        yield vectors, pack_customers(vectors, _NO_CATEGORIES, recent=looks, tags=next(theirs), customers=next(theirs), as_of=as_of)


def vectors_of(shop: Shop, spine: pl.DataFrame) -> pl.DataFrame:
    """`customer_id`, `as_of` and the features of `CUSTOMER`, sorted by customer; every customer of the spine at one date."""
    table = ibis.memtable(spine)
    mine = shop.of_spine(table)
    with one_date_each():
        parts = [view.build(mine, table).to_polars() for view in CUSTOMER_VIEWS]
    joined: pl.DataFrame = reduce(lambda left, right: left.join(right, on=list(_KEYS), how="left"), parts)
    return joined.select(*_KEYS, *CUSTOMER.columns).sort("customer_id")
