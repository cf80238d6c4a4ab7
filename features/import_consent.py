"""What whoever imports a history states of the customers in it; light, because the command line names it."""

from __future__ import annotations

from enum import StrEnum


class ImportConsent(StrEnum):
    """What whoever imports a history states of its customers."""

    GRANTED = "granted"  # they agreed to every purpose, on every channel
    UNKNOWN = "unknown"  # nothing is stated; only what customers said themselves counts
