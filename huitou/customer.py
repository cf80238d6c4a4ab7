"""`huitou customer`: what is held of one person."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from huitou.options import DataDir, feature_settings

app = typer.Typer(no_args_is_help=True, help="What is held of one person.")


@app.callback()
def callback() -> None:
    """What is held of one person."""


@app.command("export")
def export(customer: Annotated[str, typer.Argument(help="Any id of the person.", show_default=False)], data_dir: DataDir = None) -> None:
    """Print everything held of a person as JSON: the ledger's tables and the rows of the imported and of the composed history."""
    import polars as pl

    from features.ledger import audit
    from features.ledger.exporting import everything_of
    from features.ledger.ledger import open_ledger
    from features.ledger.tombstones import pseudonym, pseudonym_key
    from features.versions import current_version
    from huitou.actor import command_actor

    settings = feature_settings(data_dir)
    ledger = open_ledger(settings)
    try:
        with ledger.database.writing() as connection:
            ids, sections = everything_of(connection, customer)
            subject = pseudonym(pseudonym_key(connection), ids[0])
            audit.record(connection, "customer_data_exported", at=ledger.clock(), actor=command_actor(), subject=subject)
    finally:
        ledger.close()
    document: dict[str, Any] = {"ids": ids, "ledger": sections}
    for root in (settings.imported_dir, settings.warehouse_dir, settings.features_dir):
        version, found = current_version(root), {}
        for path in [] if version is None else sorted((root / version).glob("*.parquet")):
            if "customer_id" in pl.read_parquet_schema(path):
                rows = pl.scan_parquet(path).filter(pl.col("customer_id").is_in(ids)).collect()
                found[path.stem] = rows.select(pl.exclude(pl.Binary)).to_dicts()
        document[root.name] = {name: rows for name, rows in found.items() if rows}
    typer.echo(json.dumps(document, ensure_ascii=False, indent=1, default=str))
