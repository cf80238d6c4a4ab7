"""What a customer told the shop: bands as ordered numbers, so that one split says "older than" or "larger than".

The facts carry no date; they are taken as known from the start. A shop that dates them should send them as events instead.
"""

from __future__ import annotations

import ibis
from ibis.expr.types import NumericValue, StringValue, Table

from features.definitions.view import FeatureView
from features.engine import Shop

FEATURES = {
    "profile_known": "1 when the shop knows any attribute of the customer",
    "age_from": "lower end of the age band, years",
    "income_from": "lower end of the income band, thousands of the currency",
    "household_size": "people in the household",
    "children_count": "children in the household",
    "is_homeowner": "1 homeowner, 0 renter",
    "is_married": "1 married, 0 not",
}


def _leading_number(text: StringValue) -> NumericValue:
    # "45-54" → 45, "65+" → 65, "250K+" → 250, "Under 15K" → null (handled by the caller)
    return text.re_extract(r"^(\d+)", 1).nullif("").cast("float64")


def _flag(text: StringValue, *, yes: str, no: str) -> NumericValue:
    # Cast inside: DuckDB reads a plain 1.0 as a decimal, and Ibis takes the cast of its "float64" literal away.
    return ibis.cases((text == yes, ibis.literal(1).cast("float64")), (text == no, ibis.literal(0).cast("float64")))


def build(shop: Shop, spine: Table) -> Table:
    """Profile features at every (customer_id, as_of) of the spine."""
    c = shop.customers
    known = c.age_band.notnull() | c.income_band.notnull() | c.household_size.notnull()
    facts = c.select(
        "customer_id",
        profile_known=known.cast("float64"),
        age_from=_leading_number(c.age_band),
        income_from=ibis.ifelse(c.income_band.lower().startswith("under"), 0.0, _leading_number(c.income_band)),
        household_size=_leading_number(c.household_size),
        children_count=_leading_number(c.children),
        is_homeowner=_flag(c.home_ownership, yes="Homeowner", no="Renter"),
        is_married=_flag(c.marital_status, yes="Married", no="Unmarried"),
    )
    joined = spine.select("customer_id", "as_of").left_join(facts, "customer_id")
    return joined.select("customer_id", "as_of", **{name: joined[name].cast("float64") for name in FEATURES})


PROFILE = FeatureView("profile", ("customer_id",), FEATURES, build)
