"""Every table of the ledger, for the migrations' test and for what walks over all of them."""

from __future__ import annotations

from features.ledger.answers import ANSWERS
from features.ledger.audit import AUDIT
from features.ledger.catalogue import DOCUMENTS, STOCK
from features.ledger.columns import METADATA
from features.ledger.consents import CONSENTS
from features.ledger.contacts import CONTACTS
from features.ledger.decisions import DECISIONS, OUTCOMES
from features.ledger.erasures import ERASURES
from features.ledger.events import EVENTS
from features.ledger.exposures import EXPOSURES
from features.ledger.identities import LINKS
from features.ledger.people_changes import PEOPLE_CHANGES
from features.ledger.slates import SLATES
from features.ledger.tombstones import KEYS, TOMBSTONES

__all__ = [
    "ANSWERS",
    "AUDIT",
    "CONSENTS",
    "CONTACTS",
    "DECISIONS",
    "DOCUMENTS",
    "ERASURES",
    "EVENTS",
    "EXPOSURES",
    "KEYS",
    "LINKS",
    "METADATA",
    "OUTCOMES",
    "PEOPLE_CHANGES",
    "SLATES",
    "STOCK",
    "TOMBSTONES",
]
