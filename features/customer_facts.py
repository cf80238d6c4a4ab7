"""When a customer's birthday is, which clock they live by and which language they read: facts for offers and quiet hours, of no model.

Month and day are all that is kept online of a birthday: nothing that is decided here asks for an age. Light: the request path imports it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from zoneinfo import ZoneInfo

# 1990-05-03, --05-03, 1990/5/3, 1990.5.3, 1990年5月3日, with or without a time after it. Nothing else: of 03/05 nobody knows the month.
_BIRTHDAY = re.compile(r"^(?:\d{4}|-)\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})(?!\d)")
_LOCALE = re.compile(r"^[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*$")  # BCP 47, or the form with underscores that phones send
_LEAP = 2000  # a year that has every day


@dataclass(frozen=True)
class CustomerFacts:
    """What a customer told of themselves, each None until it is told in a form that can be read.

    Attributes:
        birth_month: 1 to 12; known together with the day.
        birth_day: 1 to 31, of that month; somebody born on a leap day has their birthday on 29 February.
        timezone: IANA name that `zoneinfo` knows, e.g. `Asia/Shanghai`.
        locale: BCP 47 tag, e.g. `zh-CN`.
    """

    birth_month: int | None
    birth_day: int | None
    timezone: str | None
    locale: str | None


NOTHING_TOLD = CustomerFacts(None, None, None, None)


def facts_told(birthday: str | None, timezone: str | None, locale: str | None) -> CustomerFacts:
    """Facts from the columns of the table `customers`; what cannot be read is left out rather than guessed."""
    month, day = (None, None) if birthday is None else _month_and_day(birthday)
    zone = None if timezone is None else _zone(timezone.strip())
    tag = None if locale is None or not _LOCALE.match(locale.strip()) else locale.strip().replace("_", "-")
    return CustomerFacts(month, day, zone, tag)


def labels_of(facts: CustomerFacts) -> tuple[str, ...]:
    """`field:value` of everything told, as the online store keeps it."""
    return tuple(f"{name}:{value}" for name, value in vars(facts).items() if value is not None)


def facts_labelled(labels: Iterable[str]) -> CustomerFacts:
    """The inverse of `labels_of`."""
    told = dict(label.split(":", 1) for label in labels)
    month, day = told.get("birth_month"), told.get("birth_day")
    return CustomerFacts(
        birth_month=None if month is None else int(month),
        birth_day=None if day is None else int(day),
        timezone=told.get("timezone"),
        locale=told.get("locale"),
    )


def _month_and_day(text: str) -> tuple[int, int] | tuple[None, None]:
    found = _BIRTHDAY.match(text.strip())
    if found is None:
        return None, None
    try:
        day = date(_LEAP, int(found[1]), int(found[2]))
    except ValueError:  # safe: a day that no month has is nobody's birthday
        return None, None
    return day.month, day.day


@lru_cache(maxsize=1024)  # the world has some six hundred names
def _zone(name: str) -> str | None:
    try:
        return ZoneInfo(name).key
    except (KeyError, OSError, ValueError):  # safe: of an unknown zone, a folder of zones, a path: the shop's own clock holds
        return None
