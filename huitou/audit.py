"""`huitou audit`: who did what, and who was offered what price."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from features.errors import HuitouError
from huitou.console import output
from huitou.options import DataDir, feature_settings

if TYPE_CHECKING:
    from serving.decisioning.fairness import PriceAudit

app = typer.Typer(no_args_is_help=True, help="Who did what, in a chain that shows every change; and who was offered what price.")


@app.callback()
def callback() -> None:
    """Who did what, in a chain that shows every change; and who was offered what price."""


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


@app.command("prices")
def prices(
    data_dir: DataDir = None,
    days: Annotated[int | None, typer.Option(min=1, max=36_500, help="Only decisions of so many days before now.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Compare the discounts that groups of customers were offered: by stage, layer, tier and age group.

    Fails when a group was offered more than `fairness.most_spread` (policy.toml) times another's mean discount, beyond what chance
    explains. Only decisions that kept a record count, and only those in which the policy decided: no holdouts.
    """
    from datetime import timedelta

    from features.decisions.policy import FILE, load_policy
    from features.ledger.ledger import open_ledger
    from features.store import open_reader
    from features.versions import current_folder
    from serving.decisioning.fairness import audit_values
    from serving.price_records import given_values

    settings = feature_settings(data_dir)
    policy = load_policy(settings.data_dir / FILE)
    reader = open_reader(current_folder(settings.online_dir, remedy="run `huitou build` first."), settings.online_server)
    ledger = open_ledger(settings)
    try:
        since = None if days is None else ledger.clock() - timedelta(days=days)
        found = audit_values(given_values(ledger, reader, since=since), policy.fairness)
    finally:
        ledger.close()
    if as_json:
        told = json.dumps(asdict(found)).replace("Infinity", "null")  # a ratio to nothing, which JSON has no number for
        output().print_json(told)
    else:
        _print_prices(found)
    if found.objects:
        worst = next(spread for spread in found.spreads if spread.objects)
        raise HuitouError(
            f"By {worst.attribute}, {worst.most.group} was offered at least {worst.at_least:.2f} times what {worst.least.group} was; "
            f"the policy allows {policy.fairness.most_spread:g}."
        )


def _print_prices(found: PriceAudit) -> None:
    if not found.groups:
        output().print("No group has 30 customers with recorded decisions yet: nothing can be said.")
    for group in found.groups:
        interval = f"{group.mean:.2f} (95 %: {group.low:.2f} to {group.high:.2f})"
        output().print(f"{group.attribute} {group.group}: {interval}, {group.decisions:,} decisions, {group.customers:,} customers")
    for spread in found.spreads:
        told = f"{spread.most.group} against {spread.least.group}: {spread.ratio:.2f} times, at least {spread.at_least:.2f}"
        output().print(f"By {spread.attribute}, {told}.")
    if found.too_small:
        output().print(f"Fewer than 30 customers: {', '.join(found.too_small)}.")
