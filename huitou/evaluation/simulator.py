"""`huitou evaluate simulator`: what are the decisions worth in a shop whose truth is known?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.errors import HuitouError
from huitou.console import output, steps

if TYPE_CHECKING:
    from training.simulation.table import Figure, SimulatorTable


def simulator(
    world: Annotated[str, typer.Option(help="ordinary, adverse, or the TOML file of another world.")] = "ordinary",
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="How many worlds of the kind are lived.")] = 5,
    weeks: Annotated[int, typer.Option(min=1, max=104, help="Live weeks after the history.")] = 12,
    json: Annotated[Path | None, typer.Option("--json", help="Also write the table as JSON.", show_default=False)] = None,
    first_seed: Annotated[int, typer.Option(min=0, help="Of the first world; the others count up from it.")] = 1,
    customers: Annotated[
        int | None, typer.Option(min=20, help="Customers on the first day, instead of the world's own number.", show_default=False)
    ] = None,
    beside: Annotated[
        list[Path] | None,
        typer.Option(help="JSON of other seeds of the same world, to be put into one table with these. Repeatable.", show_default=False),
    ] = None,
    policy: Annotated[Path | None, typer.Option(help="policy.toml of huitou; by default the defaults.", show_default=False)] = None,
    peers_only: Annotated[bool, typer.Option("--peers-only", help="Without huitou itself: a matter of minutes.")] = False,
    http: Annotated[bool, typer.Option("--http", help="Ask a service process over HTTP instead of the application in this one.")] = False,
    train_every: Annotated[
        int, typer.Option(min=1, help="Weeks from one training of all models to the next; the effect of offers is learned anew every week.")
    ] = 4,
) -> None:
    """Run huitou in a shop with known truth, beside sending nothing, simple policies and an oracle.

    A seeded world is lived week by week: its history is imported, built and trained on as any shop's, every customer who can be reached is
    asked about over the API, what happened goes back in by events and outcomes, and at night huitou builds and trains. The other policies
    live the same world with the same chance. See docs/simulator.md for the worlds, and for what this does not show.
    """
    from features.decisions.policy import load_policy
    from huitou.simulation.comparison import Comparison, compare
    from training.simulation.parameters import load_world
    from training.simulation.table import together

    parameters = load_world(world)
    if customers is not None:
        share = customers / parameters.people.customers
        people = parameters.people.model_copy(
            update={"customers": customers, "arrivals_per_day": parameters.people.arrivals_per_day * share}
        )
        parameters = parameters.model_copy(update={"people": people})
    if json is not None and not json.parent.is_dir():
        raise HuitouError(f"--json {json}: there is no folder {json.parent}; name another place.")
    if policy is not None and not policy.is_file():
        raise HuitouError(f"--policy {policy}: there is no such file.")
    asked = Comparison(parameters, weeks=weeks, served=not peers_only, http=http, train_every_weeks=train_every)
    if policy is not None:
        asked = replace(asked, policy=load_policy(policy))
    others = [_read(path) for path in beside or []]
    with steps(1) as progress, progress.step("simulator"):
        table = compare(asked, range(first_seed, first_seed + seeds), tell=progress.tell)
    try:
        table = together([*others, table])
    except ValueError as error:
        raise HuitouError(f"--beside: {error}") from error
    for line in lines(table):
        output().print(line)
    if json is not None:
        json.write_text(table.model_dump_json(indent=1) + "\n", encoding="utf-8")
        output().print(f"Written: {json}")


def _read(path: Path) -> SimulatorTable:
    from training.simulation.table import SimulatorTable

    try:
        return SimulatorTable.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise HuitouError(f"--beside {path}: no table of this command ({error}).") from error


def lines(table: SimulatorTable) -> list[str]:
    """The table as text."""
    told = [
        f"World {table.world}: {table.customers:,} customers, {table.weeks} weeks, {len(table.seeds)} seeds; {table.currency} a customer "
        "on whom policies act, beyond sending nothing.",
        f"{'policy':26} {'margin':>26} {'relative':>9} {'true':>8} {'messages':>9} {'unsub., pts':>12}",
    ]
    told += [
        f"{row.policy:26} {_shown(row.incremental_margin):>26} {row.relative.mean:>9.2%} {row.true_effect.mean:>8.3f} "
        f"{row.messages.mean:>9.2f} {row.unsubscribed_points.mean:>12.2f}"
        for row in table.rows
    ]
    told += [
        f"{share.policy}: {_shown(share.last_two_weeks)} of the oracle's value in the last two weeks, by week "
        + " ".join(f"{week.mean:.2f}" for week in share.by_week)
        for share in table.oracle_shares
    ]
    told += [
        f"{row.audience}: saves {_shown(row.saved)}, {_shown(row.more_than_highest_risk)} more than highest risk first"
        + (f", {_shown(row.times_highest_risk)} times" if row.times_highest_risk else "")
        for row in table.audiences
    ]
    return [*told, *table.notes]


def _shown(found: Figure) -> str:
    return f"{found.mean:+.3f}" + ("" if found.low is None else f" ({found.low:+.3f} to {found.high:+.3f})")
