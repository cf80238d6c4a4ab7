"""`huitou import sample`: a made-up shop in miniature, into the warehouse or out into files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.import_consent import ImportConsent
from huitou.console import output, steps
from huitou.options import Consent, DataDir, Force, feature_settings, tell_consent

if TYPE_CHECKING:
    from features.sources.sample_shop import Tables


def sample(
    data_dir: DataDir = None,
    customers: Annotated[int, typer.Option(min=1, max=100_000, help="Customers to make up.")] = 300,
    weeks: Annotated[
        int, typer.Option(min=1, max=150, help="Length of the history from 2024-01-01; the models need about half a year.")
    ] = 52,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random: the same three numbers make the same shop.")] = 7,
    write: Annotated[
        Path | None,
        typer.Option("--write", help="Write the shop as CSV files into this folder instead of importing it.", show_default=False),
    ] = None,
    dirty: Annotated[
        bool,
        typer.Option("--dirty", help="With --write: a few broken rows of every kind, so that the file import has something to set aside."),
    ] = False,
    consent: Consent = ImportConsent.UNKNOWN,
    force: Force = False,
) -> None:
    """Import the sample shop: a few hundred made-up customers of a small shop of food and care, grown from a seed, offline in a second.

    Named products in categories, each with a rhythm of its own, campaigns with coupons, refunds, customers who leave, and the awkward rows
    that a real history holds. It shows how huitou works; its figures prove nothing about quality. `huitou demo --sample` goes on from here.

    With `--write DIR` it becomes orders.csv, customers.csv, products.csv and contacts.csv, as a shop would export them, to try
    `huitou import tabular` with; nothing is imported then.
    """
    from features.sources.sample_shop import import_sample, sample_tables

    if dirty and write is None:
        raise typer.BadParameter("broken rows are only written into files; give --write DIR too.", param_hint="--dirty")
    if write is not None:
        _write(sample_tables(customers=customers, weeks=weeks, seed=seed), write, dirty=dirty)
        return
    with steps(1) as progress, progress.step("import"):
        warehouse, changed = import_sample(
            feature_settings(data_dir), customers=customers, weeks=weeks, seed=seed, force=force, consent=consent, progress=progress.tell
        )
    for name, count in warehouse.report["counts"].items():
        output().print(f"  {count:>9,}  {name}")
    rows = warehouse.report["rows"]
    output().print(
        f"{'Imported' if changed else 'Unchanged:'} {rows['orders']:,} orders of {rows['customers']:,} customers, "
        f"{warehouse.first_event.date()} to {warehouse.last_event.date()}. Next: huitou build"
    )
    tell_consent(consent)


def _write(tables: Tables, folder: Path, *, dirty: bool) -> None:
    from features.sources.sample_files import DIRT, write_sample_files

    written = write_sample_files(tables, folder, dirty=dirty)
    for name, count in written.items():
        output().print(f"  {count:>9,}  {name}")
    if dirty:
        output().print("Broken rows in orders.csv:")
        for kind, what in DIRT.items():
            output().print(f"  {kind}: {what}")
    files = " ".join(f"--{name.removesuffix('.csv')} {folder / name}" for name in written)
    output().print(f"Next: huitou import tabular {files} --data-dir DIR --currency EUR --channel email --consent granted")
