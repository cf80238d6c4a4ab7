"""The history up to the last fold, held in the engine as recorded and sorted by id, so that a few customers' rows are found at once.

Imported and folded tables are held apart and under the ids they came with: whose they are, and which of two tellings counts, is settled by
`features.folding.compose.put_together`, as in the night.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from features.folding.catalogue import merge_products
from features.folding.fold import FOLDED
from features.folding.folded import folded_until
from features.ledger.catalogue import Kind, documents
from features.ledger.ledger import Ledger
from features.schema import CONTACTS, CUSTOMERS, INTERACTIONS, OFFERS, ORDER_LINES, ORDERS, PRODUCTS, REDEMPTIONS, REFUNDS, TABLES, Table
from features.settings import FeatureSettings
from features.units import Units, units_of
from features.versions import current_version

PERSONAL = (ORDERS, ORDER_LINES, CUSTOMERS, CONTACTS, REDEMPTIONS, REFUNDS, INTERACTIONS, *(t for t in FOLDED if t.name == "activities"))
Frames = dict[str, pl.DataFrame]


@dataclass(frozen=True)
class Held:
    """What is in the engine.

    Attributes:
        backend: Ibis backend with DuckDB below it.
        version: names of the import and of the fold that are held.
        until: number of the last folded event.
        first_event: time of the first order, UTC; None without orders.
        units: what is bought again.
        filled: tables of the engine that hold any row: asking the others costs milliseconds for nothing.
    """

    backend: Any
    version: tuple[str | None, str | None]
    until: int
    first_event: datetime | None
    units: Units
    filled: frozenset[str]

    def rows_of(self, ids: Collection[str], order_ids: Collection[str]) -> tuple[Frames, Frames]:
        """Imported and folded rows of some ids; imported orders of some order ids too, whoever's they are."""
        self.backend.con.register("wanted_ids", pl.DataFrame({"customer_id": list(ids)}, schema={"customer_id": pl.String}).to_arrow())
        imported = {table.name: table.empty() for table in TABLES}
        for table in PERSONAL:
            imported[table.name] = self._select("imported", table, "customer_id IN (SELECT customer_id FROM wanted_ids)")
        if order_ids:
            self.backend.con.register("wanted_orders", pl.DataFrame({"order_id": list(order_ids)}).to_arrow())
            for table in (ORDERS, ORDER_LINES):
                others = self._select("imported", table, "order_id IN (SELECT order_id FROM wanted_orders)")
                imported[table.name] = pl.concat([imported[table.name], others]).unique(table.key, maintain_order=True)
        folded = {table.name: self._select("folded", table, "customer_id IN (SELECT customer_id FROM wanted_ids)") for table in FOLDED}
        return imported, folded

    def _select(self, part: str, table: Table, where: str) -> pl.DataFrame:
        # The only text put in is table names and conditions of this file.
        if f"{part}_{table.name}" not in self.filled:
            return table.empty()
        query = f"SELECT * FROM {part}_{table.name} WHERE {where}"  # noqa: S608
        return frame_of(self.backend, query, table)


def frame_of(backend: Any, query: str, table: Table) -> pl.DataFrame:  # noqa: ANN401
    """Rows of a query with the columns and types of a table, in the order of its key."""
    found: pl.DataFrame = pl.DataFrame(backend.con.sql(query).to_arrow_table())
    return found.select(pl.col(c).cast(t) for c, t in table.columns.items()).sort(*([table.time] if table.time else []), *table.key)


def held_version(settings: FeatureSettings) -> tuple[str | None, str | None]:
    """Names of the import and the fold that are current."""
    return current_version(settings.imported_dir), current_version(settings.folded_dir)


def hold(settings: FeatureSettings, backend: Any, ledger: Ledger) -> Held:  # noqa: ANN401
    """Read the current import and fold into the engine, in the place of what it held.

    Raises:
        StateBroken: a file cannot be read.
        LedgerAway, LedgerBroken: the ledger cannot be asked for its products.
    """
    imported, folded = held_version(settings)
    until = folded_until(settings)
    con = backend.con
    con.execute("SET TimeZone = 'UTC'")
    filled: set[str] = set()
    for part, root, version, tables in (
        ("imported", settings.imported_dir, imported, PERSONAL),
        ("folded", settings.folded_dir, folded, FOLDED),
    ):
        for table in tables:
            put(backend, f"{part}_{table.name}", table.empty())
            if version is not None:
                # By name: a column that was declared after the file was written stays empty.
                fill = f"INSERT INTO {part}_{table.name} BY NAME SELECT * FROM read_parquet(?) ORDER BY customer_id"  # noqa: S608
                con.execute(fill, [str(root / version / f"{table.name}.parquet")])
                if con.execute(f"SELECT 1 FROM {part}_{table.name} LIMIT 1").fetchall():  # noqa: S608
                    filled.add(f"{part}_{table.name}")
    products = PRODUCTS.empty() if imported is None else pl.read_parquet(settings.imported_dir / imported / f"{PRODUCTS.name}.parquet")
    offers = OFFERS.empty() if imported is None else pl.read_parquet(settings.imported_dir / imported / f"{OFFERS.name}.parquet")
    with ledger.database.reading() as connection:
        fed = documents(connection, Kind.PRODUCT)
    products = merge_products(products, ORDER_LINES.empty(), fed, {})
    put(backend, PRODUCTS.name, products)
    put(backend, OFFERS.name, offers)
    units = units_of(products)
    put(backend, "units", units.table)
    first = con.execute(
        "SELECT min(ordered_at) FROM (SELECT ordered_at FROM imported_orders UNION ALL SELECT ordered_at FROM folded_orders)"
    ).fetchall()[0][0]
    return Held(backend, (imported, folded), until, first, units, frozenset(filled))


def put(backend: Any, name: str, frame: pl.DataFrame) -> None:  # noqa: ANN401
    """Make a frame the whole content of a table."""
    backend.con.register("arriving", frame.to_arrow())
    backend.con.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM arriving")  # noqa: S608 - names of this room
    backend.con.unregister("arriving")
