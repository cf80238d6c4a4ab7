"""What a check says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How it is; only `failed` makes the command fail."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Check:
    """One answer.

    Attributes:
        verdict: how it is.
        says: one sentence with the figures.
        remedy: one sentence; empty where there is nothing to do.
    """

    verdict: Verdict
    says: str
    remedy: str = ""


def ok(says: str) -> Check:
    """As it should be."""
    return Check(Verdict.OK, says)


def warning(says: str, remedy: str) -> Check:
    """It works; somebody should know."""
    return Check(Verdict.WARNING, says, remedy)


def failed(says: str, remedy: str) -> Check:
    """It does not work, or not as it should."""
    return Check(Verdict.FAILED, says, remedy)


def skipped(says: str) -> Check:
    """There is nothing to look at."""
    return Check(Verdict.SKIPPED, says)
