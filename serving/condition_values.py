"""What a condition's fields are worth for one customer in one request: read, or asked of a model, only when a condition wants it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from features.customer_facts import CustomerFacts
from features.feature_sets import CUSTOMER
from features.offers.customer_conditions import Lookup, Value
from serving.customer_context import CustomerContext

_COLUMNS = {name: place for place, name in enumerate(CUSTOMER.columns)}


def condition_values(context: CustomerContext) -> Lookup:
    """The values of `features.offers.fields`; None and NaN where they are not known, as for everybody of whom nothing may be used."""

    def value(field: str) -> Value:
        place = _COLUMNS.get(field)
        if place is not None:
            return None if context.customer is None else float(context.customer.vector[place])
        return _OTHERS[field](context)

    return value


def days_until_birthday(facts: CustomerFacts, now: datetime) -> int | None:
    """Days to the next birthday by the customer's own calendar, 0 on the day; None when it was not told.

    Somebody born on a leap day has their birthday on 1 March of other years, so that no year goes without.
    """
    month, day = facts.birth_month, facts.birth_day
    if month is None or day is None:
        return None
    today = (now if facts.timezone is None else now.astimezone(ZoneInfo(facts.timezone))).date()
    return min((found - today).days for year in (today.year, today.year + 1) if (found := _birthday(year, month, day)) >= today)


def next_birthday_count(facts: CustomerFacts, now: datetime) -> datetime | None:
    """When `days_until_birthday` tells another number: the next midnight of the customer's calendar, UTC; None where it tells none."""
    if facts.birth_month is None or facts.birth_day is None:
        return None
    here = now if facts.timezone is None else now.astimezone(ZoneInfo(facts.timezone))
    tomorrow = here.date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), here.tzinfo).astimezone(UTC)


def _birthday(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:  # safe: of a checked date only 29 February is missing in some years
        return date(year, 3, 1)


def _layer(context: CustomerContext) -> Value:
    layer = context.segments.layer
    return None if layer is None else layer.value


def _churn(context: CustomerContext) -> Value:
    return None if context.churn is None else float(context.churn.probability[28][0])


def _clv(context: CustomerContext) -> Value:
    return None if context.value is None else float(context.value.predicted_clv[0])


def _percentile(context: CustomerContext) -> Value:
    return None if context.value is None else float(context.value.percentile[0])


_OTHERS: dict[str, Callable[[CustomerContext], Value]] = {
    "stage": lambda context: context.segments.stage.value,
    "layer": _layer,
    "channel": lambda context: context.channel,
    "locale": lambda context: None if context.customer is None else context.customer.facts.locale,
    "timezone": lambda context: None if context.customer is None else context.customer.facts.timezone,
    "tags": lambda context: None if context.customer is None else context.customer.tags,
    "categories": lambda context: None if context.customer is None else context.customer.categories,
    "birth_month": lambda context: None if context.customer is None else context.customer.facts.birth_month,
    "days_until_birthday": lambda context: None if context.customer is None else days_until_birthday(context.customer.facts, context.now),
    "churn_probability_28d": _churn,
    "predicted_clv": _clv,
    "value_percentile": _percentile,
}
