"""`huitou experiment`: what an experiment showed, and what the policy as a whole is worth."""

from __future__ import annotations

import json as json_format
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE
from rich.table import Table

from huitou.console import errors, output
from huitou.options import DataDir, Now, clock, feature_settings

if TYPE_CHECKING:
    from training.evaluation.experiments.effect import Effect
    from training.evaluation.experiments.reading import Reading

app = typer.Typer(no_args_is_help=True, help="Experiments and the holdouts: what was caused, and how sure that is.")
Json = Annotated[Path | None, typer.Option(help="Also write everything as JSON, for machines.", show_default=False)]
_EFFECT = ("control", "arm", "difference", "from", "to", "p", "customers")


@app.callback()
def callback() -> None:
    """Experiments and the holdouts: what was caused, and how sure that is."""


@app.command("report")
def report(
    experiment_id: Annotated[str, typer.Argument(help="Of the experiment, as it was written.")],
    data_dir: DataDir = None,
    now: Now = None,
    json: Json = None,
) -> None:
    """Read an experiment: customers per arm, the effect of each arm with its interval, and the guardrails.

    Customers count once the metric's days have passed since they met the experiment. A fixed reading is locked until the planned size and
    then reads exactly so many customers; a sequential one may be looked at at any time. Where the arms hold numbers of customers that
    chance does not explain, nothing is read. What became of customers is taken from the history: run `huitou compact` first.
    """
    from features.assumptions import FILE, load_assumptions
    from features.ledger.ledger import open_ledger
    from features.warehouse import open_warehouse
    from training.evaluation.experiments.gathering import gathered_reading

    settings = feature_settings(data_dir)
    warehouse = open_warehouse(settings)
    moment = clock(now) or warehouse.last_event
    ledger = open_ledger(settings)
    try:
        with ledger.database.reading() as connection:
            assumptions = load_assumptions(settings.data_dir / FILE)
            experiment, reading = gathered_reading(connection, experiment_id, warehouse, assumptions, now=moment)
    finally:
        ledger.close()
    metric = experiment.metric
    output().print(f"{experiment.title or experiment_id}: {metric.outcome} within {metric.within_days} days, {experiment.reading} reading")
    output().print(", ".join(f"{arm} {count:,}" for arm, count in reading.ratio.counts.items()) + f" exposed; {reading.ready:,} ready")
    if reading.locked is not None:
        errors().print(f"[yellow]{reading.locked}[/]")
    else:
        output().print(_effects(reading))
    output().print(_guardrails(reading))
    _written(json, {"experiment": experiment.model_dump(mode="json"), "as_of": moment.isoformat(), "reading": asdict(reading)})


@app.command("holdout")
def holdout(
    data_dir: DataDir = None,
    within: Annotated[int, typer.Option(min=1, max=365, help="Days from each customer's first decision on.")] = 28,
    now: Now = None,
    json: Json = None,
) -> None:
    """What the policy adds: its customers against the universal holdout, which gets nothing, and the model control, which gets any offer.

    Margins are those of the orders less what the messages cost. The intervals hold however often they are looked at.
    """
    from features.assumptions import FILE, load_assumptions
    from features.ledger.ledger import open_ledger
    from features.warehouse import open_warehouse
    from training.evaluation.experiments.gathering import gathered_history
    from training.evaluation.experiments.holdout import decided_on, read_holdout

    settings = feature_settings(data_dir)
    warehouse = open_warehouse(settings)
    moment = clock(now) or warehouse.last_event
    ledger = open_ledger(settings)
    try:
        with ledger.database.reading() as connection:
            facts = gathered_history(connection, warehouse, load_assumptions(settings.data_dir / FILE))
            found = read_holdout(decided_on(connection, until=moment), facts, within_days=within, now=moment)
    finally:
        ledger.close()
    output().print(
        ", ".join(f"{group} {count:,}" for group, count in found.ratio.counts.items()) + f"; {found.moved:,} changed their group"
    )
    if found.ratio.mismatch:
        errors().print(f"[yellow]Chance does not explain these numbers (p = {found.ratio.chance:.1g}): nothing can be read from them.[/]")
    table = _table(
        "against", "per customer", *("holdout" if name == "control" else "policy" if name == "arm" else name for name in _EFFECT)
    )
    for lift in found.lifts:
        table.add_row(lift.against, lift.outcome.value, *_cells(lift.effect))
    output().print(table)
    _written(json, {"as_of": moment.isoformat(), "reading": asdict(found)})


def _effects(reading: Reading) -> Table:
    table = _table("arm against the control", *_EFFECT)
    for one in reading.arms:
        table.add_row(one.arm, *_cells(one.effect))
    return table


def _guardrails(reading: Reading) -> Table:
    table = _table("guardrail", "arm", "state", "harm", "at most", "accepted")
    for arm in reading.arms:
        for one in arm.guardrails:
            told = f"{one.guardrail.outcome}, {one.guardrail.within_days} days"
            table.add_row(told, arm.arm, one.state, _number(one.harm), _number(one.at_most), _number(one.guardrail.margin))
    return table


def _cells(found: Effect | None) -> tuple[str, ...]:
    if found is None:
        return ("too few customers", *[""] * (len(_EFFECT) - 1))
    chance = "any time" if found.chance is None else f"{found.chance:.3f}"
    numbers = (found.control, found.treated, found.difference, found.low, found.high)
    return (*map(_number, numbers), chance, " + ".join(f"{n:,}" for n in found.customers))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 else "right")
    return table


def _written(path: Path | None, told: dict[str, Any]) -> None:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            json_format.dumps(told, indent=2, default=lambda one: one.model_dump(mode="json"), allow_nan=False), encoding="utf-8"
        )
        output().print(f"Written: {path}")
