"""Whose data may be used: what an import states of its customers, and whom features may be computed of."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from features.import_consent import ImportConsent
from features.ledger import audit, consents
from features.ledger.consents import ANY, Purpose, State, Statement
from features.ledger.ledger import ledger_exists, open_ledger
from features.ledger.tombstones import erased_since
from features.settings import FeatureSettings

SOURCE = "import"


def state_import(settings: FeatureSettings, customer_ids: Iterable[str], consent: ImportConsent) -> int:
    """Record what an import states.

    Somebody of whom anything was stated before keeps that: an import never takes a withdrawal back.

    Args:
        settings: says where the ledger is.
        customer_ids: everybody in the import.
        consent: what is stated of them.

    Returns:
        How many were stated now.

    Raises:
        LedgerAway, LedgerBroken, LedgerFull: nothing was stated.
    """
    if consent is ImportConsent.UNKNOWN:
        return 0
    ledger = open_ledger(settings)
    try:
        now = ledger.clock()
        with ledger.database.writing() as connection:
            known = consents.stated_ids(connection)
            new = sorted({customer_id for customer_id in customer_ids if customer_id not in known})
            erased = erased_since(connection, new)  # who asked to be forgotten agreed to nothing since, whatever an import states
            new = [customer_id for customer_id in new if customer_id not in erased]
            if new:
                audit.record(connection, "consents_stated", at=now, actor=SOURCE, detail={"statements": len(new), "state": "granted"})
            return consents.state(connection, (Statement(c, ANY, ANY, State.GRANTED, now, SOURCE) for c in new))
    finally:
        ledger.close()


def erased_among(settings: FeatureSettings, customer_ids: Iterable[str]) -> dict[str, datetime]:
    """Who of these asked to be forgotten, and when: what happened up to then is not taken in again.

    Raises:
        LedgerAway, LedgerBroken: it cannot be looked up.
    """
    if not ledger_exists(settings):
        return {}
    ledger = open_ledger(settings)
    try:
        with ledger.database.reading() as connection:
            return erased_since(connection, customer_ids)
    finally:
        ledger.close()


def profiled(settings: FeatureSettings) -> set[str]:
    """Everybody who consents to profiling, by the customer's own id. In the history nobody else's rows carry an id.

    Raises:
        LedgerAway, LedgerBroken: consent cannot be looked up, so nobody's is known.
    """
    if not ledger_exists(settings):
        return set()
    ledger = open_ledger(settings)
    try:
        with ledger.database.reading() as connection:
            return consents.granted_ids(connection, Purpose.PROFILING)
    finally:
        ledger.close()
