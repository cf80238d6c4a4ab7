"""For how long an offer can still be used.

The days left are counted from the beginning of the day (UTC): what follows from them then changes once a day, and what was laid out for a
customer holds until then. A discount is charged for some hours too many rather than too few.
"""

from __future__ import annotations

from datetime import datetime, timedelta

VALID_DAYS = 7.0  # one step of the models: afterwards the decision should be made anew


def days_left(until: datetime, now: datetime) -> float:
    """Days until a moment from the beginning of the day, not below 0.

    Args:
        until: UTC.
        now: UTC.
    """
    return max((until - begun(now)) / timedelta(days=1), 0.0)


def begun(now: datetime) -> datetime:
    """When the day began."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def next_count(now: datetime) -> datetime:
    """When the days left are counted anew."""
    return begun(now) + timedelta(days=1)
