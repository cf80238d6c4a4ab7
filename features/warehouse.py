"""The Parquet history of the shop: written whole, read by path.

Importers write `DATA_DIR/imported/<version>/<table>.parquet`. What is read is `DATA_DIR/warehouse/<version>/<table>.parquet`: the import
put together with the ledger's events (`features.folding`). Beside the tables lies `import.json`, the report of what was imported and what
was set aside.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from features.errors import StateBroken, TooLittleHistory
from features.folding.compose import REPORT, compose, described, imported_customers
from features.folding.erased import people_in, without_erased
from features.import_consent import ImportConsent
from features.permitted import erased_among, state_import
from features.schema import TABLES
from features.settings import FeatureSettings
from features.sweep_lock import writing_people
from features.versions import current_folder, new_version

_BY_NAME = {table.name: table for table in TABLES}


@dataclass(frozen=True)
class Warehouse:
    """A finished import: where the tables are and what is known about them as a whole."""

    folder: Path
    report: Mapping[str, Any]

    def path(self, table: str) -> Path:
        """Parquet file of a table of `features.schema`."""
        return self.folder / f"{table}.parquet"

    def read(self, table: str) -> pl.DataFrame:
        """Read one table whole."""
        try:
            return _BY_NAME[table].scan(self.folder).collect() if table in _BY_NAME else pl.read_parquet(self.path(table))
        except (OSError, pl.exceptions.PolarsError) as error:
            raise StateBroken(f"{self.path(table)} cannot be read ({error}); import the history again.") from error

    @property
    def version(self) -> str:
        """Content hash of the imported data: equal data, equal version."""
        return str(self.report["content_hash"])

    @property
    def first_event(self) -> datetime:
        """Time of the first order, UTC.

        Raises:
            TooLittleHistory: the history holds no order (interactions or an experiment alone have no clock).
        """
        return self._moment("first_event")

    @property
    def last_event(self) -> datetime:
        """Time of the last order, UTC: "now" for historical data; raises as `first_event`."""
        return self._moment("last_event")

    def require_lines(self) -> None:
        """Stop where models of products would begin.

        Raises:
            TooLittleHistory: the history holds no order line.
        """
        if not self.report["rows"]["order_lines"]:
            raise TooLittleHistory(
                "The history holds orders but no order lines, so it does not say which products were bought; "
                "import order lines with a product_id for models of products."
            )

    def _moment(self, name: str) -> datetime:
        told = self.report[name]
        if told is None:
            raise TooLittleHistory(
                "The history holds no order, so there is nothing to learn churn, repurchase or prices from; "
                "import orders with a time and a customer."
            )
        return datetime.fromisoformat(told)


def write_warehouse(
    settings: FeatureSettings,
    tables: Mapping[str, pl.DataFrame],
    report: Mapping[str, Any],
    inputs: object,
    *,
    consent: ImportConsent = ImportConsent.UNKNOWN,
) -> Warehouse:
    """Check every table against the schema, make the whole set current at once, and put it together with what the ledger holds.

    Args:
        settings: says where the warehouse is.
        tables: table name → frame; a missing table is written empty.
        report: counts of what was kept and set aside; the times of the first and last order are added.
        inputs: what the import was made from, so that an unchanged source is not imported twice.
        consent: what is stated of the customers in it; of whom nothing is known, nothing personal is kept in the history.

    Who asked to be forgotten stays forgotten: what their rows tell of the time before is left out.

    Raises:
        SchemaViolation: a table does not fit; nothing is written.
        TooLittleHistory: there is no row at all.
    """
    with writing_people(settings.data_dir):
        _write_imported(settings, tables, report, inputs)
        return current_warehouse(settings, consent=consent)


def _write_imported(settings: FeatureSettings, tables: Mapping[str, pl.DataFrame], report: Mapping[str, Any], inputs: object) -> None:
    conformed = {t.name: t.conform(tables.get(t.name, t.empty())) for t in TABLES}
    conformed = without_erased(conformed, erased_among(settings, people_in(conformed)))
    if all(frame.is_empty() for frame in conformed.values()):
        raise TooLittleHistory("The history holds no row; import at least one order with a time and a customer.")
    with new_version(settings.imported_dir, inputs) as folder:
        for table in TABLES:
            frame = conformed[table.name]
            frame = frame.sort(*([table.time] if table.time else []), *table.key)  # equal data, equal bytes
            frame.write_parquet(folder / f"{table.name}.parquet", statistics=True)
        (folder / REPORT).write_text(json.dumps({**report, **described(folder)}, indent=2), encoding="utf-8")


def current_warehouse(settings: FeatureSettings, *, consent: ImportConsent = ImportConsent.UNKNOWN) -> Warehouse:
    """Open the history after putting it together anew where its parts have changed.

    Args:
        settings: says where it is.
        consent: what an import states of its customers, once more or for the first time.

    Raises:
        StateMissing, StateBroken: as `open_warehouse`.
        LedgerAway, LedgerBroken, LedgerFull: consents cannot be looked up or stated.
    """
    if consent is not ImportConsent.UNKNOWN:
        folder = current_folder(settings.imported_dir, remedy="import a history first.")
        state_import(settings, imported_customers(folder), consent)
    compose(settings)
    return open_warehouse(settings)


def open_warehouse(settings: FeatureSettings) -> Warehouse:
    """Open the current history.

    Raises:
        StateMissing: nothing was imported yet.
        StateBroken: a file is missing or the report is damaged.
    """
    folder = current_folder(settings.warehouse_dir, remedy="run `huitou import tabular` or `huitou import complete-journey` first.")
    try:
        report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StateBroken(f"{folder / REPORT} cannot be read ({error}); import the history again.") from error
    for table in TABLES:
        path = table.file(folder)
        if table.lacks(folder):
            continue  # safe: `Warehouse.read` answers with no row
        if not path.is_file():
            raise StateBroken(f"{path} is missing; import the history again.")
        try:  # the footer stands at the end: a truncated file has none
            pl.read_parquet_schema(path)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise StateBroken(f"{path} cannot be read ({error}); import the history again.") from error
    return Warehouse(folder, report)
