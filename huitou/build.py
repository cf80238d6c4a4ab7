"""`huitou build`: features as of every week, the newest online."""

from __future__ import annotations

from huitou.console import output, steps
from huitou.options import DataDir, Force, Now, clock, feature_settings


def build(data_dir: DataDir = None, now: Now = None, force: Force = False) -> None:
    """Build the features as of every week and of now, and put the newest into the online store.

    What came in over the API since the last time is folded into the history first (`huitou compact`).

    Each feature looks only at what was known at its as-of date. The offline tables are in DATA_DIR/features, Feast's registry and online
    store in DATA_DIR/online. Nothing is rebuilt when the history, the definitions, the assumptions and the clock are the same.
    """
    from features.build import build_features
    from features.folding.compact import compact

    settings = feature_settings(data_dir)
    with steps(2) as progress:
        with progress.step("compact"):
            compact(settings, progress=progress.tell)
        with progress.step("build"):
            built = build_features(settings, now=clock(now), force=force, progress=progress.tell)
    output().print(
        f"{'Built' if built.changed else 'Unchanged:'} features of {built.customers:,} customers as of {built.as_of_dates} dates. "
        "Next: huitou train"
    )
