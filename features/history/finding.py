"""One thing a shop should know about its history."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Severity = Literal["warning", "note", "ok"]


class Finding(BaseModel):
    """A sentence and what to do.

    Attributes:
        severity: `warning`: look at it before you build; `note`: know it when you read the results; `ok`: looked at and found good.
        about: the room it comes from.
        sentence: what was found, with its figures.
        remedy: what to do or what it means for the models; "" where nothing.
    """

    model_config = ConfigDict(frozen=True)

    severity: Severity
    about: str
    sentence: str
    remedy: str = ""


def percent(share: float) -> str:
    """A share for people: no "0 %" for what is there, no "100 %" while something is missing."""
    if 0 < share < 0.001:
        return "less than 0.1 %"
    if 0.999 < share < 1:
        return "more than 99.9 %"
    return f"{share:.1%}".replace("%", " %") if 0 < share < 0.1 or 0.99 < share < 1 else f"{share:.0%}".replace("%", " %")
