"""What each table of the shop holds: rows, from when to when, which columns are filled."""

from __future__ import annotations

from datetime import datetime

import polars as pl
from pydantic import BaseModel, ConfigDict

from features.history.finding import Finding, percent
from features.schema import EXPERIMENTS, INTERACTIONS, TABLES, Table
from features.warehouse import Warehouse

# Columns of time of tables whose rows may lack one.
_TIMES = {INTERACTIONS.name: "occurred_at", EXPERIMENTS.name: "assigned_at"}


class Holding(BaseModel):
    """One table.

    Attributes:
        table: its name.
        rows: how many.
        first, last: its earliest and latest time, UTC; None where it has none.
        filled: column that may be empty → share of the rows in which it is not.
    """

    model_config = ConfigDict(frozen=True)

    table: str
    rows: int
    first: datetime | None
    last: datetime | None
    filled: dict[str, float]


class Holdings(BaseModel):
    """Every table, the empty ones too."""

    model_config = ConfigDict(frozen=True)

    tables: tuple[Holding, ...]

    def of(self, table: str) -> Holding:
        """One table by name."""
        return next(holding for holding in self.tables if holding.table == table)

    def findings(self) -> list[Finding]:
        """What is not there, and who will miss it."""
        found = [*self._products(), *self._people(), *self._events()]
        held = ", ".join(f"{t.table} {t.rows:,}" for t in self.tables if t.rows)
        return [Finding(severity="ok", about="tables", sentence=f"The history holds: {held}."), *found]

    def _products(self) -> list[Finding]:
        products = self.of("products")
        if not products.rows:
            return [_missing("No products were imported.", "Only churn can be learned. Recommendations need order lines and products.")]
        found = []
        named, sorted_in = products.filled["name"], products.filled["product_category"]
        if sorted_in == 0:
            found.append(
                _missing(
                    "No product carries a category.",
                    "What is due again is forecast product by product; import product_category if the shop has it.",
                )
            )
        elif sorted_in < 0.9:
            found.append(_missing(f"{percent(1 - sorted_in)} of the products carry no category.", "What is due again leaves them out."))
        if named == 0 and products.filled["product_type"] == 0:
            found.append(_missing("No product has a name.", "Offers will show product ids."))
        if products.filled["stock"] == 0:
            found.append(_missing("No product has a stock figure.", "catalogue.stock in assumptions.toml says what that means for offers."))
        return found

    def _people(self) -> list[Finding]:
        customers = self.of("customers")
        known = max(customers.filled.values(), default=0.0)
        if known == 0:
            return [_missing("Nothing is known about customers but their orders.", "No matter: features of the profile stay empty.")]
        return []

    def _events(self) -> list[Finding]:
        found = []
        if not self.of("contacts").rows:
            found.append(_missing("No message to a customer is recorded.", "Models cannot tell a return from an answer to a mailing."))
        if self.of(EXPERIMENTS.name).rows and not self.of("orders").rows:
            found.append(_missing("There is an experiment, but no order.", "Only `huitou evaluate uplift` learns from it alone."))
        untimed = self.of(INTERACTIONS.name)
        if untimed.rows and untimed.filled["occurred_at"] < 1:
            found.append(
                _missing(
                    f"{percent(1 - untimed.filled['occurred_at'])} of the interactions have no time.",
                    "They cannot be split by time, only by chance.",
                )
            )
        return found


def _missing(sentence: str, remedy: str) -> Finding:
    return Finding(severity="note", about="tables", sentence=sentence, remedy=remedy)


def holdings(warehouse: Warehouse) -> Holdings:
    """Look into every table."""
    return Holdings(tables=tuple(_holding(warehouse, table) for table in TABLES))


def _holding(warehouse: Warehouse, table: Table) -> Holding:
    time = table.time or _TIMES.get(table.name)
    optional = [column for column in table.columns if column not in table.required]
    looks = [pl.len().alias("rows"), *(pl.col(column).is_not_null().mean().alias(f"filled {column}") for column in optional)]
    if time:
        looks += [pl.col(time).min().alias("first"), pl.col(time).max().alias("last")]
    row = pl.scan_parquet(warehouse.path(table.name)).select(looks).collect().row(0, named=True)
    return Holding(
        table=table.name,
        rows=row["rows"],
        first=row.get("first"),
        last=row.get("last"),
        filled={column: row[f"filled {column}"] or 0.0 for column in optional},
    )
