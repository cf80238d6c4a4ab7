"""`huitou import tabular`: a shop's own files."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from features.errors import HuitouError
from features.import_consent import ImportConsent
from huitou.console import errors, output, steps
from huitou.options import Consent, DataDir, feature_settings, tell_consent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from features.sources.tabular.importing import Imported, Planned

Files = list[Path] | None
_MOST_REASONS = 12


def _files(name: str, what: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        f"--{name}", metavar="FILE", help=f"{what}; may be given several times.", show_default=False
    )
    return option


def tabular(
    orders: Annotated[Files, _files("orders", "Order lines: when, who, and as far as known what, how many, how much")] = None,
    customers: Annotated[Files, _files("customers", "Facts about customers")] = None,
    products: Annotated[Files, _files("products", "The catalogue: names, categories, brand, stock")] = None,
    contacts: Annotated[Files, _files("contacts", "Messages that were sent: who, when, channel, offer")] = None,
    offers: Annotated[Files, _files("offers", "Campaigns: id, start, end")] = None,
    offer_items: Annotated[Files, _files("offer-items", "Products of each campaign")] = None,
    redemptions: Annotated[Files, _files("redemptions", "Coupons that were used: who, when, offer")] = None,
    bundles: Annotated[Files, _files("bundles", "Sets: one row per set and product")] = None,
    interactions: Annotated[Files, _files("interactions", "Views, clicks, likes: who and which product or set")] = None,
    experiments: Annotated[Files, _files("experiments", "A randomised campaign: treatment and outcome of each customer")] = None,
    trials: Annotated[Files, _files("trials", "Past messages dealt by lot, and who was passed over, each with its chance")] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="Which column is which. [default: DATA_DIR/mapping.toml]", show_default=False)
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Take the guessed mapping without asking.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Start a new history with these files instead of adding them.")] = False,
    currency: Annotated[
        str | None, typer.Option(help="Currency of the amounts, e.g. CNY; written into assumptions.toml.", show_default=False)
    ] = None,
    channel: Annotated[
        list[str] | None,
        typer.Option(help="A channel that you use (email, sms, wecom, …); none unless you say so. Repeatable.", show_default=False),
    ] = None,
    consent: Consent = ImportConsent.UNKNOWN,
    data_dir: DataDir = None,
) -> None:
    """Import your own files: CSV (any delimiter and encoding, gzip), Parquet, Excel.

    Which column is which is guessed, shown, and written to mapping.toml for the next time. Files add up: an unchanged file is not read
    twice; where two files speak of the same order and product, the newer is believed. Malformed rows are set aside, each with its file,
    line, column and reason, in DATA_DIR/quarantine: mend them there and import that file like any other. A file that lacks a required
    column is refused whole.

    Orders need a time and a customer (rows without one are kept for baskets). Everything else is welcome: order id, product, name,
    category, quantity, amount or unit price, discount, store.

    Example: huitou import tabular --orders orders-2024.csv.gz --products catalogue.xlsx --currency CNY --channel wecom --consent granted
    """
    from features.sources.tabular.importing import learned, plan, run
    from features.sources.tabular.mapping import FILE, load_mapping, save_mapping
    from features.sources.tabular.shop_assumptions import install_shop_assumptions

    settings = feature_settings(data_dir)
    given = {"products": products, "customers": customers, "orders": orders, "contacts": contacts, "offers": offers}
    given |= {
        "offer_items": offer_items,
        "redemptions": redemptions,
        "bundles": bundles,
        "interactions": interactions,
        "experiments": experiments,
        "trials": trials,
    }
    path = mapping or settings.data_dir / FILE
    if mapping is not None and not mapping.is_file():
        raise HuitouError(
            f"{mapping} is no file; leave --mapping out to have the mapping guessed and written to {settings.data_dir / FILE}."
        )
    known = load_mapping(path)
    with steps(2) as progress, progress.step("read"):
        planned = plan(settings, {name: paths for name, paths in given.items() if paths}, known, progress.tell)
    guessed = [entry for entry in planned if entry.guess is not None]
    for entry in guessed:
        _show(entry)
    if guessed:
        _agree(guessed, path, yes=yes)
    with steps(2) as progress, progress.step("import"):
        imported = run(settings, planned, now=datetime.now(UTC), replace=replace, consent=consent, tell=progress.tell)
    if guessed:
        save_mapping(path, learned(known, planned))
        output().print(f"The mapping is in {path}; the next import uses it.")
    fresh = install_shop_assumptions(settings.data_dir, currency, channel or [])
    if not fresh and (currency or channel):
        errors().print(
            f"[yellow]{settings.data_dir / 'assumptions.toml'} exists and was left as it is; put currency and channels in there.[/]"
        )
    _tell(imported)
    tell_consent(consent)
    if fresh:
        _tell_assumptions(settings.data_dir / "assumptions.toml", currency, channel)


def _show(entry: Planned) -> None:
    """The guess, as a person checks it."""
    assert entry.guess is not None  # noqa: S101 - the caller chose the guessed ones
    assert entry.file is not None  # noqa: S101
    rows = entry.file.rows
    title = f"{entry.path.name}: {entry.kind.name}, {rows.height:,} rows ({entry.file.form})"
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE, pad_edge=False)
    for column in ("field", "column", "e.g.", "why"):
        table.add_column(column, overflow="fold")
    for field, column in entry.part.columns.items():
        # No example of who somebody is: the screen may be a log.
        first = [] if field == "customer_id" else rows[column].drop_nulls().head(1).to_list()
        example = "".join(map(str, first))
        table.add_row(field, escape(column), escape(example[:40]), entry.guess.how.get(field, ""))
    for field, value in entry.part.meaning.constants.items():
        table.add_row(field, "", escape(value), "the same in every row")
    output().print(table)
    for note in entry.guess.notes:
        output().print(f"  note: {escape(note)}")
    if entry.guess.unused:
        output().print(f"  not used: {escape(', '.join(entry.guess.unused))}")


def _agree(guessed: Sequence[Planned], path: Path, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise HuitouError(f"The mapping above was guessed and nobody is here to agree; add --yes, or write {path}. Nothing was imported.")
    if not typer.confirm(f"Is {'this' if len(guessed) == 1 else 'each of these'} right?", default=True):
        raise HuitouError(
            f'Nothing was imported. Write the right columns into {path}, e.g. [orders.columns] then ordered_at = "…", and import again.'
        )


def _tell(imported: Imported) -> None:
    report = imported.warehouse.report
    for name, count in report["counts"].items():
        output().print(f"  {count:>11,}  {name}")
    for reason, count in list(report["reasons"].items())[:_MOST_REASONS]:
        output().print(f"  {count:>11,}    {escape(reason)}")
    for warning in imported.warnings:
        errors().print(f"[yellow]{escape(warning)}[/]")
    for path in imported.quarantine:
        output().print(f"Set aside, with line and reason: {path}  (mend it there, then import it like the file it came from)")
    rows = report["rows"]
    what = ", ".join(f"{rows[name]:,} {name.replace('_', ' ')}" for name in rows if rows[name])
    output().print(f"{'Imported:' if imported.changed else 'Unchanged, every file had been imported:'} {what}.")
    if report["first_event"]:
        output().print(
            f"{imported.warehouse.first_event.date()} to {imported.warehouse.last_event.date()}. Next: huitou doctor data, huitou build"
        )
    else:
        output().print("The history holds no orders: nothing to build features from yet.")


def _tell_assumptions(path: Path, currency: str | None, channel: list[str] | None) -> None:
    output().print(f"Margins, costs and discounts are placeholders in {path}: put your own in.")
    if not currency:
        output().print("  The currency is not stated: amounts are in XXX (--currency, or the file).")
    if not channel:
        output().print("  No channel is named, so no offer may be sent: name them with --channel, or under \\[consent] in the file.")
