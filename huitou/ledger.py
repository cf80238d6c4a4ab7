"""`huitou ledger`: the ledger's database by hand."""

from __future__ import annotations

from typing import Annotated

import typer

from features.errors import HuitouError
from huitou.console import output
from huitou.options import DataDir, feature_settings

app = typer.Typer(no_args_is_help=True, help="The ledger's database: its version, and how to change it.")
_EMPTY = "nothing"
_PATIENCE = 3600.0  # seconds: a migration may write every decision anew


@app.callback()
def callback() -> None:
    """The ledger's database: its version, and how to change it."""


@app.command("status")
def status(data_dir: DataDir = None) -> None:
    """Say where the ledger is, of which version, and how many events it holds. Changes nothing."""
    from features.ledger.database import LedgerDatabase, ledger_url
    from features.ledger.events import count, newest
    from features.ledger.ledger import ledger_exists
    from features.ledger.migrating import newest_revision, revision_of

    settings = feature_settings(data_dir)
    url = ledger_url(settings.data_dir, settings.ledger_url)
    place, needed = url.render_as_string(hide_password=True), newest_revision()
    if not ledger_exists(settings):
        output().print(f"There is no ledger at {place} yet; the first event, or `huitou ledger migrate`, makes it (version {needed}).")
        return
    database = LedgerDatabase(url)
    try:
        present = revision_of(database)
        if present != needed:
            output().print(
                f"The ledger at {place} is of version {present or _EMPTY}; this program needs {needed}: run `huitou ledger migrate`."
            )
            return
        with database.reading() as connection:
            output().print(
                f"The ledger at {place} is of version {present}, as this program needs it. "
                f"It holds {count(connection):,} events; the last has number {newest(connection):,}."
            )
    finally:
        database.close()


@app.command("migrate")
def migrate(data_dir: DataDir = None) -> None:
    """Bring the ledger's database to this program's version, or make it. `huitou serve` does it too; nothing is lost."""
    from features.ledger.database import LedgerDatabase, ledger_url
    from features.ledger.migrating import migrate as upgrade

    settings = feature_settings(data_dir)
    database = LedgerDatabase(ledger_url(settings.data_dir, settings.ledger_url), patience=_PATIENCE)
    try:
        before, after = upgrade(database)
    finally:
        database.close()
    output().print(f"Unchanged: version {after}." if before == after else f"From {before or _EMPTY} to version {after}.")


@app.command("downgrade")
def downgrade(
    revision: Annotated[str, typer.Argument(help="Version to go back to, e.g. 0001; `base` takes every table away.")],
    data_dir: DataDir = None,
    yes: Annotated[bool, typer.Option("--yes", help="Really: what only the newer tables hold is lost for good.")] = False,
) -> None:
    """Take the ledger's database back to an earlier version, before an earlier huitou is installed. Make a backup first."""
    from alembic.util.exc import CommandError

    from features.ledger.database import LedgerDatabase, ledger_url
    from features.ledger.ledger import ledger_exists
    from features.ledger.migrating import downgrade as down

    settings = feature_settings(data_dir)
    if not yes:
        raise HuitouError("Going back loses what only the newer tables hold; make a backup and say --yes.")
    if not ledger_exists(settings):
        raise HuitouError("There is no ledger to take back.")
    database = LedgerDatabase(ledger_url(settings.data_dir, settings.ledger_url), patience=_PATIENCE)
    try:
        before, after = down(database, revision)
    except CommandError as error:
        raise HuitouError(f"There is no version {revision} to go back to; `huitou ledger status` says which one it is.") from error
    finally:
        database.close()
    output().print(f"Unchanged: version {after or _EMPTY}." if before == after else f"From {before or _EMPTY} back to {after or _EMPTY}.")
