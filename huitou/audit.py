"""`huitou audit`: who did what."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from features.errors import HuitouError
from huitou.console import output
from huitou.options import DataDir, feature_settings

app = typer.Typer(no_args_is_help=True, help="The audit log: who did what, in a chain that shows every change.")


@app.callback()
def callback() -> None:
    """The audit log: who did what, in a chain that shows every change."""


@app.command("verify")
def verify(
    data_dir: DataDir = None,
    head: Annotated[
        str | None,
        typer.Option(help="Hash of the last entry as written down earlier: it must still be in the chain, else the end was cut off."),
    ] = None,
) -> None:
    """Go through the whole chain; fails at the first entry that was changed, taken out or put in."""
    from features.ledger import audit
    from features.ledger.ledger import open_ledger

    ledger = open_ledger(feature_settings(data_dir))
    try:
        with ledger.database.reading() as connection:
            found = audit.verify(connection)
            present = head is None or audit.holds(connection, head)
    finally:
        ledger.close()
    if found.broken_at is not None:
        raise HuitouError(f"The audit log is broken at entry {found.broken_at}: it, or one before it, was changed, put in or taken out.")
    if not present:
        raise HuitouError(f"The audit log no longer holds the entry {head}: its end was cut off, or it is another ledger's.")
    output().print(f"{found.entries:,} entries, every one as it was written. Head: {found.head}")


@app.command("list")
def list_entries(
    data_dir: DataDir = None,
    limit: Annotated[int, typer.Option(min=1, help="Most entries, the newest last.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Print the newest entries. Customers appear under pseudonyms only."""
    from features.ledger import audit
    from features.ledger.ledger import open_ledger

    ledger = open_ledger(feature_settings(data_dir))
    try:
        with ledger.database.reading() as connection:
            found = audit.newest(connection, limit)
    finally:
        ledger.close()
    for entry in found:
        if as_json:
            typer.echo(json.dumps({**vars(entry), "at": entry.at.isoformat()}, ensure_ascii=False))
        else:
            about = f" {entry.subject[:12]}" if entry.subject else ""
            output().print(
                f"{entry.seq} {entry.at.isoformat(timespec='seconds')} {entry.actor} {entry.action}{about} {entry.detail}", markup=False
            )
