"""`huitou keys`: who may call the API, and for what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from features.errors import HuitouError
from huitou.actor import command_actor
from huitou.console import errors, output
from huitou.options import DataDir, feature_settings
from serving.access.scopes import Scope

if TYPE_CHECKING:
    from serving.access.keys import Key

app = typer.Typer(no_args_is_help=True, help="Who may call the API, and for what.")
Name = Annotated[str, typer.Argument(help="Name of the caller, as it stands in the audit log: lower-case letters, digits and ._-")]


@app.callback()
def callback() -> None:
    """Who may call the API, and for what."""


@app.command("create")
def create(
    name: Name,
    scope: Annotated[list[Scope], typer.Option("--scope", help="What it is good for; give it several times for several.")],
    per_second: Annotated[float, typer.Option(min=0, max=1e6, help="Requests a second in the long run; 0: without a limit.")] = 1_000,
    burst: Annotated[
        int | None, typer.Option(min=1, max=10_000_000, help="Requests at once after a rest. [default: those of two seconds]")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Make a key and print it, this once: only its hash is kept. A running service takes it within a second.

    The first key locks every route; from then on each caller needs one.
    """
    from pydantic import ValidationError

    from features.ledger.ledger import wall_clock
    from serving.access.errors import KeyExists
    from serving.access.keys import new_key

    try:
        made, plain = new_key(name, frozenset(scope), per_second=per_second, burst=burst, now=wall_clock())
    except ValidationError as error:
        raise HuitouError(f"{name!r} is no name of a key: at most 48 of a-z, 0-9 and ._-, a letter or digit first.") from error

    def added(keys: tuple[Key, ...]) -> tuple[Key, ...]:
        if any(key.name == name for key in keys):
            raise KeyExists(f"There is a key {name!r} already; `huitou keys rotate {name}` gives it a new secret.")
        return (*keys, made)

    _change(data_dir, added, "key_created", {"name": name, "scopes": sorted(made.scopes)})
    _tell(plain)


@app.command("list")
def list_keys(data_dir: DataDir = None) -> None:
    """Print the keys: names, scopes, rates; never a secret, which nobody has kept."""
    from features.ledger.ledger import wall_clock
    from serving.access.key_file import FILE, read_keys

    path = feature_settings(data_dir).data_dir / FILE
    keys = read_keys(path)
    if keys is None:
        output().print("No key was ever made: the API is open, on this machine only.")
        return
    if not keys:
        output().print("Every key is revoked: nobody is let in.")
    for key in keys:
        typer.echo(_line(key, wall_clock()))


@app.command("rotate")
def rotate(
    name: Name,
    grace_hours: Annotated[
        float, typer.Option(min=0, max=8_760, help="How long the secret before it goes on counting; 0 ends it at once.")
    ] = 24.0,
    data_dir: DataDir = None,
) -> None:
    """Give a key a new secret and print it, this once. The caller changes over within the grace; nothing is restarted."""
    from features.ledger.ledger import wall_clock
    from serving.access.keys import named, rotated

    now = wall_clock()
    made: list[str] = []

    def changed(keys: tuple[Key, ...]) -> tuple[Key, ...]:
        fresh, plain = rotated(named(keys, name), now=now, until=now + timedelta(hours=grace_hours))
        made.append(plain)
        return tuple(fresh if key.name == name else key for key in keys)

    _change(data_dir, changed, "key_rotated", {"name": name, "grace_hours": grace_hours})
    _tell(made[-1])


@app.command("revoke")
def revoke(name: Name, data_dir: DataDir = None) -> None:
    """Take a key out. A running service refuses it within a second; when none is left, it refuses everybody."""
    from serving.access.keys import named

    def without(keys: tuple[Key, ...]) -> tuple[Key, ...]:
        gone = named(keys, name)
        return tuple(key for key in keys if key is not gone)

    _change(data_dir, without, "key_revoked", {"name": name})
    output().print(f"{escape(name)} is revoked.")


def _change(data_dir: Path | None, change: Callable[[tuple[Key, ...]], tuple[Key, ...]], action: str, detail: dict[str, object]) -> None:
    """The file first: a key must be revocable while the ledger's database is away. What could not be noted is said."""
    from features.ledger import audit
    from features.ledger.ledger import open_ledger
    from serving.access.key_file import change_keys

    settings = feature_settings(data_dir)
    change_keys(settings.data_dir, change)
    try:
        ledger = open_ledger(settings)
        try:
            with ledger.database.writing() as connection:
                audit.record(connection, action, at=ledger.clock(), actor=command_actor(), detail=detail)
        finally:
            ledger.close()
    except HuitouError as error:
        errors().print(f"[yellow]It is done, but the audit log does not have it: {escape(str(error))}[/]")


def _tell(plain: str) -> None:
    errors().print("The key, shown this once; keep it where secrets are kept:")
    typer.echo(plain)


def _line(key: Key, now: datetime) -> str:
    live = [secret for secret in key.secrets if secret.proves_at(now)]
    ending = "".join(f", one ends {one.until.isoformat(timespec='seconds')}" for one in live if one.until is not None)
    rate = "no limit" if key.per_second == 0 else f"{key.per_second:g}/s, {key.burst:,} at once"
    secrets = f"{len(live)} secret{'' if len(live) == 1 else 's'}{ending}"
    return f"{key.name}  {','.join(sorted(key.scopes))}  {rate}  made {key.created_at.date().isoformat()}  {secrets}"
