"""What can go wrong with the ledger, each with what to do."""

from __future__ import annotations

from features.errors import HuitouError


class LedgerAway(HuitouError):
    """The database cannot be reached, is locked or hangs; nothing was written, and the same call may succeed later."""


class LedgerFull(HuitouError):
    """There is no room to write; nothing of the call was kept."""


class LedgerBroken(HuitouError):
    """The database is damaged or of another version."""
