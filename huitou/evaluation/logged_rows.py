"""Logged decisions and what came of them, out of a data folder."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from features.errors import TooLittleHistory
from features.settings import FeatureSettings

if TYPE_CHECKING:
    from training.datasets.decision_rows import DecisionRows, HoldoutRows


def logged_rows(settings: FeatureSettings, holdouts: HoldoutRows, now: datetime | None) -> DecisionRows:
    """Read them, without those on customers who do not consent to profiling by now or were erased: they are counted.

    Args:
        settings: say where.
        holdouts: what is done with customers on whom the policy does not act.
        now: end of what was observed; None: the last order of the history.

    Raises:
        TooLittleHistory: no decision can be judged.
        StateMissing, StateBroken, SourceUnreadable: history or assumptions cannot be read.
        LedgerAway, LedgerBroken: the ledger cannot be read.
    """
    from features.assumptions import FILE, load_assumptions
    from features.ledger.ledger import ledger_exists, open_ledger
    from features.permitted import erased_among, profiled
    from features.warehouse import open_warehouse
    from training.datasets.decision_rows import decision_rows, logged_decisions

    warehouse, assumptions = open_warehouse(settings), load_assumptions(settings.data_dir / FILE)
    if not ledger_exists(settings):
        raise TooLittleHistory("There is no ledger yet, so no decision was logged; `huitou serve` logs every one.")
    ledger = open_ledger(settings)
    try:
        records = list(logged_decisions(ledger))
    finally:
        ledger.close()
    return decision_rows(
        records,
        warehouse,
        assumptions,
        now or warehouse.last_event,
        holdouts=holdouts,
        profiled=profiled(settings),
        erased=erased_among(settings, {one.customer_id for one in records if one.customer_id is not None}),
    )
