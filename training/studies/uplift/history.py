"""An experiment out of the imported history, or the reason why there is none and what would be needed.

Only the `experiments` table says who was dealt to which arm by chance. Contacts alone do not: whom a shop wrote to, it chose.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import polars as pl

from features.schema import CONTACT_FACTS
from features.warehouse import Warehouse
from training.evaluation.power import arm_size
from training.studies.uplift.experiment_file import Columns, ExperimentUnusable, ReadExperiment, make_experiment

OUTCOMES = ("visited", "converted", "spend")
_LIFTS = (0.05, 0.1, 0.2, 0.5)  # relative effects for which a size is told
_DAYS = 28


def has_experiment(warehouse: Warehouse) -> bool:
    """Whether anybody in this history was dealt to an arm."""
    return bool(warehouse.report["rows"].get("experiments"))


def history_experiment(warehouse: Warehouse, columns: Columns, experiment_id: str | None) -> ReadExperiment:
    """One experiment of the history: its traits, and the facts about its customers, are what was known before.

    Args:
        warehouse: the history.
        columns: `treatment` is always `treatment`; the outcome is one of `OUTCOMES`.
        experiment_id: which; may be None when there is only one.

    Raises:
        ExperimentUnusable: no such experiment or outcome, or it does not fit (as of a file).
    """
    rows = warehouse.read("experiments")
    present = rows["experiment_id"].value_counts(sort=True)
    held = "; ".join(f"{name} ({count:,})" for name, count in present.head(20).iter_rows())
    if experiment_id is None and present.height > 1:
        raise ExperimentUnusable(f"The history holds {present.height} experiments; say which with --experiment: {held}.")
    chosen = experiment_id if experiment_id is not None else str(present[0, 0])
    rows = rows.filter(pl.col("experiment_id") == chosen)
    if rows.is_empty():
        raise ExperimentUnusable(f"The history holds no experiment {chosen!r}; it holds {held}.")
    if columns.outcome not in OUTCOMES:
        raise ExperimentUnusable(f"--outcome {columns.outcome}: an imported experiment has {', '.join(OUTCOMES)}.")
    said = _traits(rows["traits"], {"customer_id", "treatment", *OUTCOMES})
    frame = rows.select("customer_id", "treatment", columns.outcome).hstack(said)
    facts = warehouse.read("customers").drop(CONTACT_FACTS, strict=False)
    facts = facts.select("customer_id", *(c for c in facts.columns if c not in frame.columns and facts[c].null_count() < facts.height))
    frame = frame.join(facts, on="customer_id", how="left").drop("customer_id")
    return make_experiment(frame, columns, f"experiment {chosen}")


def _traits(column: pl.Series, taken: set[str]) -> pl.DataFrame:
    """JSON objects as columns of text; those that are outcomes or arms already are left out."""
    if column.null_count() == column.len():
        return pl.DataFrame()
    names = dict.fromkeys(key for keys in column.drop_nulls().unique().map_elements(_keys, return_dtype=pl.List(pl.String)) for key in keys)
    schema = pl.Struct(dict.fromkeys(names, pl.String))
    return column.str.json_decode(schema).struct.unnest().select(name for name in names if name not in taken)


def _keys(text: str) -> list[str]:
    import json

    return list(json.loads(text))


def needed_experiment(warehouse: Warehouse) -> list[str]:
    """Why there is no word of uplift, and the experiment that would allow one.

    The size is told for the outcome that every shop has, an order within 28 days, at the share that ordered in the last 28 days.
    """
    now = warehouse.last_event
    orders = warehouse.read("orders").select("customer_id", "ordered_at").drop_nulls()
    known = orders.filter(pl.col("ordered_at") <= now - timedelta(days=_DAYS))["customer_id"].unique()
    lately = orders.filter(pl.col("ordered_at") > now - timedelta(days=_DAYS))["customer_id"].unique()
    base = int(known.is_in(lately.implode()).sum()) / max(len(known), 1)
    said = [
        "No contact in this history was dealt by chance (there is no experiment in it), so what a message changed cannot be told from whom "
        "it was sent to. What can be said is who answers, not whom to treat: ranking by that may pay for answers that come anyway."
    ]
    return said + sizes({f"an order within {_DAYS} days": base})


def sizes(bases: Mapping[str, float]) -> list[str]:
    """How many people an experiment needs, one sentence per outcome.

    Args:
        bases: outcome → share of people who show it when nothing is done.
    """
    said = []
    for outcome, base in bases.items():
        lifts = [lift for lift in _LIFTS if 0 < base * (1 + lift) < 1]
        if base <= 0 or not lifts:
            continue
        found = "; ".join(f"{lift:.0%} more, {arm_size(base, base * lift):,} people" for lift in lifts)
        said.append(
            f"Needed: draw by lot who is written to and who is not. For {outcome} ({base:.1%} of the customers now), 80 % power, 5 % "
            f"two-sided, in each arm to find {found}. To rank people by effect, not only to find its mean, takes several times as many. "
            "Import who was in which arm with `huitou import tabular --experiments`."
        )
    return said
