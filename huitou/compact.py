"""`huitou compact`: the ledger's events into the history."""

from __future__ import annotations

from huitou.console import output, steps
from huitou.options import DataDir, feature_settings


def compact(data_dir: DataDir = None) -> None:
    """Fold the ledger's new events into the Parquet history that models learn from.

    Orders, refunds, contacts, clicks and everything else that came in since the last time become rows of the history, under the customer
    they belong to by now (`identify` and `alias` may have told more). Doing it again changes nothing; an interrupted run leaves the history
    as it was. `huitou build` does this first, so it is only needed by itself before `huitou doctor data` or a look at the files.
    """
    from features.folding.compact import compact as fold_events
    from features.ledger.kinds import BY_NAME

    settings = feature_settings(data_dir)
    with steps(1) as progress, progress.step("compact"):
        done = fold_events(settings, progress=progress.tell)
    for kind, count in done.kept.items():
        output().print(f"  {kind}: {count:,}")
    for kind, count in done.set_aside.items():
        reason = "they do not say what an event of this kind must" if kind in BY_NAME else "the history has no table for them"
        output().print(f"  {kind}: {count:,} stay in the ledger only: {reason}")
    state = "is new" if done.changed else "is as it was"
    output().print(f"{done.events:,} events folded, up to number {done.until:,}; the history in {settings.warehouse_dir} {state}.")
