"""The feature definitions as SQL: written once by Ibis, run again and again on tables whose content is swapped.

Ibis takes half a second to write the text of all views; running it for one customer takes a tenth. A process writes it once a shop.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache, reduce
from typing import Any

import ibis
import polars as pl

from features.definitions import category_cycle, category_demand
from features.definitions.as_of import one_date_each
from features.definitions.catalogue import CUSTOMER_VIEWS
from features.engine import Shop
from features.feature_sets import CATEGORY, CUSTOMER
from features.refreshing.held import PERSONAL, Frames, Held, put
from features.schema import TIME

_SPINE: dict[str, pl.DataType | type[pl.DataType]] = {"customer_id": pl.String, "as_of": TIME}
_TABLES = (*(table.name for table in PERSONAL), "products", "offers", "units")
_PAIRS: dict[str, pl.DataType | type[pl.DataType]] = {"customer_id": pl.String, "product_category": pl.String, "as_of": TIME}


@dataclass(frozen=True)
class Compiled:
    """The views' text, for one shop.

    Attributes:
        backend: where the tables stand.
        first_event: written into the text.
        views: view of customers → SQL.
        pairs: SQL of the pairs of customer and category.
        cycle: SQL of the customer's own part of `category_cycle`.
    """

    backend: Any
    first_event: datetime
    views: dict[str, str]
    pairs: str
    cycle: str
    _filled: set[str] = field(default_factory=set)  # tables that held a row since they were made

    def run(self, tables: Frames, spine: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Features of the customers in `spine` (`customer_id`, `as_of`) from their rows.

        Returns:
            `customer_id`, `as_of` and the features of `CUSTOMER`; and pairs with the customer's own part of `CATEGORY`.
        """
        for table in PERSONAL:
            if tables[table.name].height or table.name in self._filled:
                put(self.backend, table.name, tables[table.name])
                self._filled.add(table.name)
        put(self.backend, "spine", spine)
        parts = [self._frame(sql) for sql in self.views.values()]
        vectors = reduce(lambda left, right: left.join(right, on=["customer_id", "as_of"], how="left"), parts)
        put(self.backend, "pairs", self._frame(self.pairs).select(pl.col(c).cast(t) for c, t in _PAIRS.items()))
        return vectors.select("customer_id", "as_of", *CUSTOMER.columns).sort("customer_id"), self._frame(self.cycle)

    def _frame(self, sql: str) -> pl.DataFrame:
        return pl.DataFrame(self.backend.con.sql(sql).to_arrow_table())


def compile_views(held: Held, first_event: datetime, *, excluded_categories: Collection[str]) -> Compiled:
    """Write the SQL of every view.

    Args:
        held: the shop; its engine gets the tables that the text names.
        first_event: time of the shop's first order, UTC.
        excluded_categories: as in `features.definitions.category_cycle.pair_spine`.
    """
    backend = held.backend
    for table in PERSONAL:
        put(backend, table.name, table.empty())
    put(backend, "spine", pl.DataFrame(schema=_SPINE))
    put(backend, "pairs", pl.DataFrame(schema=_PAIRS))
    schemas = tuple((name, backend.table(name).schema()) for name in (*_TABLES, "spine", "pairs"))
    return Compiled(backend, first_event, *_texts(schemas, held.units.purchase_days, first_event, tuple(sorted(excluded_categories))))


@lru_cache(maxsize=4)  # a history that is folded anew is the same shop
def _texts(
    schemas: tuple[tuple[str, ibis.Schema], ...], unit_days: int, first_event: datetime, excluded_categories: tuple[str, ...]
) -> tuple[dict[str, str], str, str]:
    """SQL of the views, of the pairs and of the cycle, on tables of these names; everything that it depends on is an argument."""
    tables = {name: ibis.table(schema, name=name) for name, schema in schemas}
    spine, pairs = tables["spine"], tables["pairs"]
    shop = _shop(tables, unit_days, first_event)
    with one_date_each():
        return (
            {view.name: _text(view.build(shop, spine)) for view in CUSTOMER_VIEWS},
            _text(category_cycle.pair_spine(shop, spine, excluded_categories=excluded_categories)),
            _text(category_cycle.pair_features(shop, pairs)),
        )


def _text(table: ibis.Table) -> str:
    return str(ibis.to_sql(table, dialect="duckdb"))


def shop_of(held: Held, first_event: datetime) -> Shop:
    """The shop on the tables that are swapped."""
    return _shop({name: held.backend.table(name) for name in _TABLES}, held.units.purchase_days, first_event)


def _shop(tables: Mapping[str, ibis.Table], unit_days: int, first_event: datetime) -> Shop:
    return Shop(**{name: tables[name] for name in _TABLES}, unit_days=unit_days, first_event=first_event)


def demand_columns() -> list[str]:
    """Columns of `CATEGORY` that look at all customers."""
    return [column for column in CATEGORY.columns if column in category_demand.FEATURES]
