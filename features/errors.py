"""The errors of the ground floor. Every message names what is wrong, where, and the remedy."""

from __future__ import annotations


class HuitouError(Exception):
    """Base of all errors a user may read; `str(error)` is one clear sentence."""


class SourceUnreadable(HuitouError):
    """A source file or package is missing, damaged or not of the expected shape."""


class SchemaViolation(HuitouError):
    """A table does not fit the shop schema (names the table, the column and the row count)."""


class StateMissing(HuitouError):
    """A step needs the output of an earlier step that has not run (names the command to run)."""


class StateBroken(HuitouError):
    """A stored file is damaged, truncated or was written for another feature set."""


class StoreAway(StateBroken):
    """The server that holds the online rows does not answer; nothing is damaged, and it may be there again in a moment."""


class TooLittleHistory(HuitouError):
    """The history is too short or too thin for what was asked (says what would be needed)."""


class OutOfSpace(HuitouError):
    """The disk filled up while writing; the previous state is untouched."""
