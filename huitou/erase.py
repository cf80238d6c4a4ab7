"""`huitou erase`: forget a person everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from huitou.console import output, steps
from huitou.options import DataDir, feature_settings

if TYPE_CHECKING:
    from features.ledger.erasing import Erasure


def erase(
    customer: Annotated[str | None, typer.Argument(metavar="[CUSTOMER]", help="Any id of the person.", show_default=False)] = None,
    data_dir: DataDir = None,
    resume: Annotated[bool, typer.Option("--resume", help="Finish what was begun, by the API or by a run that was interrupted.")] = False,
) -> None:
    """Erase a person with all linked ids: ledger, online store, history, features, staged files, reports.

    What happened up to now stays forgotten: neither a late event nor a second import of the same files brings the person back. It can be
    repeated, and an interrupted run is finished by the next, by `--resume` and by `huitou work`. Models hold nobody: they stay as they are.
    """
    from features.erasing.resuming import resume_erasures
    from features.ledger import erasing
    from features.ledger.ledger import open_ledger
    from huitou.actor import command_actor

    if (customer is None) != resume:
        raise typer.BadParameter("Name a customer, or say --resume.")
    settings = feature_settings(data_dir)
    ledger = open_ledger(settings)
    try:
        begun = None if customer is None else erasing.begin(ledger, customer, actor=command_actor())
        with steps(1) as progress, progress.step("erase"):
            progress.tell("waiting until nobody else writes the history")
            done = resume_erasures(settings, ledger, actor=command_actor())
        if begun is not None and begun.erasure_id not in {erasure.erasure_id for erasure in done}:
            with ledger.database.reading() as connection:  # a worker was quicker
                done.append(erasing.find(connection, begun.erasure_id) or begun)
    finally:
        ledger.close()
    for erasure in done:
        _print(erasure)
    if not done:
        output().print("Nothing is left to erase.")


def _print(erasure: Erasure) -> None:
    state = "finished" if erasure.finished_at else "not finished: ids are linked to the person all the time; run `huitou erase --resume`"
    output().print(f"Erasure {erasure.erasure_id}: {state}.")
    for place, removed in erasure.receipt.items():
        output().print(f"  {place}: " + ", ".join(f"{count:,} {what}" for what, count in removed.items()))
