"""One model's allowance: what training it on this history would come to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from features.errors import TooLittleHistory
from training.datasets.splits import STEP

_FAR = 104  # weeks looked ahead; no rule here asks for two years


class Horizon(BaseModel):
    """One horizon of a model.

    Attributes:
        days: its length.
        dates: judged as-of dates whose label of this length is closed; empty where none is yet.
        measured: whether those labels hold both outcomes, so that figures come of them.
        longest: no longer label is closed on any of the judged dates.
        more_weeks: weeks of history still to come before a label is closed; 0 where one is, None where no time helps.
    """

    model_config = ConfigDict(frozen=True)

    days: int
    dates: tuple[datetime, ...] = ()
    measured: bool = False
    longest: bool = False
    more_weeks: int | None = None


class Allowance(BaseModel):
    """What `huitou train` would say of one model.

    Attributes:
        model: its name.
        allowed: whether it would be trained, judged and registered.
        reason: why not, in the words of `huitou train`; "" where it is allowed.
        horizons: what it would be judged at.
        more_weeks: weeks of history still to come before its dates suffice; 0 where they do, None where no time helps. Rows and purchases
            that are too few are in `reason`: how fast they grow is the shop's affair.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    allowed: bool
    reason: str = ""
    horizons: tuple[Horizon, ...] = ()
    more_weeks: int | None = None

    @property
    def judged(self) -> tuple[datetime, ...]:
        """As-of dates on which the model would be judged, oldest first."""
        return tuple(sorted({date for horizon in self.horizons for date in horizon.dates}))


def weeks_until(holds: Callable[[datetime], bool], now: datetime) -> int | None:
    """Whole weeks until a rule of dates holds, by asking the rule itself with a later clock; None when it does not within two years.

    Args:
        holds: whether the rule holds at a clock; a refusal counts as no.
        now: the clock.
    """
    for weeks in range(_FAR + 1):
        try:
            if holds(now + STEP * weeks):
                return weeks
        except TooLittleHistory:
            continue
    return None
