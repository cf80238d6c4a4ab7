"""`huitou customer`: what is held of one person."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huitou.options import DataDir, feature_settings

if TYPE_CHECKING:
    from features.ledger.exporting import Export
    from features.ledger.ledger import Ledger

app = typer.Typer(no_args_is_help=True, help="What is held of one person.")
_ROWS_AT_ONCE = 4096


@app.callback()
def callback() -> None:
    """What is held of one person."""


@app.command("export")
def export(customer: Annotated[str, typer.Argument(help="Any id of the person.", show_default=False)], data_dir: DataDir = None) -> None:
    """Print everything held of a person as JSON: the ledger's tables and the rows of the imported and of the composed history."""
    from features.ledger.document import gathered
    from features.ledger.exporting import note_export
    from features.ledger.ledger import open_ledger
    from huitou.actor import command_actor

    settings = feature_settings(data_dir)
    ledger = open_ledger(settings)
    try:
        noted = note_export(ledger, customer, actor=command_actor())
        roots = (settings.imported_dir, settings.warehouse_dir, settings.features_dir)
        for piece in gathered(_document(ledger, noted, roots)):
            typer.echo(piece, nl=False)
        typer.echo()
    finally:
        ledger.close()


def _document(ledger: Ledger, noted: Export, roots: Sequence[Path]) -> Iterator[str]:
    from features.ledger.document import written
    from features.ledger.exporting import sections_of

    yield f'{{\n"ids": {json.dumps(noted.ids, ensure_ascii=False)},\n"ledger": '
    yield from written(sections_of(ledger.database, noted), _encoded)
    for root in roots:
        yield f",\n{json.dumps(root.name)}: "
        yield from written(_tables(root, noted.ids), _encoded)
    yield "\n}"


def _tables(root: Path, ids: Sequence[str]) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    """Tables of the current version that hold the person, by name."""
    import polars as pl

    from features.versions import current_version

    version = current_version(root)
    for path in [] if version is None else sorted((root / version).glob("*.parquet")):
        if "customer_id" in pl.read_parquet_schema(path):
            rows = _rows(path, ids)
            for first in rows:
                yield path.stem, itertools.chain([first], rows)


def _rows(path: Path, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
    import polars as pl
    import pyarrow.dataset as pyarrow_dataset

    # Row group after row group: what is read ahead by default is most of a file.
    theirs = pyarrow_dataset.field("customer_id").isin(list(ids))
    batches = pyarrow_dataset.dataset(path).scanner(
        filter=theirs, batch_size=_ROWS_AT_ONCE, batch_readahead=1, fragment_readahead=1, use_threads=False
    )
    for batch in batches.to_batches():
        frame = pl.from_arrow(batch)
        yield from frame.select(pl.exclude(pl.Binary)).iter_rows(named=True)  # type: ignore[union-attr]


def _encoded(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, default=str)
