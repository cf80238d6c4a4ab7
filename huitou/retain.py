"""`huitou retain`: rows of the ledger go when their time is over."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.table import Table

from huitou.console import output
from huitou.options import DataDir, feature_settings


def retain(
    data_dir: DataDir = None,
    apply: Annotated[bool, typer.Option("--apply", help="Delete. Without it the command only counts.")] = False,
) -> None:
    """Show which rows of the ledger are kept longer than the shop wants, and delete them with `--apply`.

    How long each table is kept is set by HUITOU_RETAIN_EVENTS_DAYS, …_DECISIONS_DAYS, …_OUTCOMES_DAYS, …_CONTACTS_DAYS,
    …_EXPOSURES_DAYS, …_UNDONE_LINKS_DAYS and …_ERASURES_DAYS; what is not set is kept for ever. Events go only once `huitou compact` has
    folded them into the history: until then they stay, however old. A message that is sent again after its event has gone counts as new.
    Consents, the catalogue and the audit log stay; every deletion is noted there.
    """
    from features.folding.folded import folded_until
    from features.ledger.ledger import open_ledger
    from features.ledger.retention import RetentionSettings
    from features.ledger.retention import retain as retain_rows
    from huitou.actor import command_actor

    settings = feature_settings(data_dir)
    ledger = open_ledger(settings)
    try:
        found = retain_rows(ledger, RetentionSettings(), folded_until=folded_until(settings), apply=apply, actor=command_actor())
    finally:
        ledger.close()
    table = Table(box=SIMPLE, pad_edge=False)
    for column in ("table", "kept, days", "rows", "deleted" if apply else "over their time"):
        table.add_column(column, justify="left" if column == "table" else "right")
    for kept in found:
        table.add_row(kept.table, "for ever" if kept.days is None else str(kept.days), f"{kept.rows:,}", f"{kept.over:,}")
    output().print(table)
    if not apply and any(kept.over for kept in found):
        output().print("Nothing was deleted; --apply does it.")
