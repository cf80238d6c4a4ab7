"""Bands become ordered numbers; what the shop does not know stays unknown."""

from __future__ import annotations

import polars as pl
import pytest

from features.definitions.profile import FEATURES, PROFILE
from features.schema import CONTACT_FACTS, CUSTOMERS
from tests.features.ground import evaluate, shop_of, spine_of
from tests.shop import START, sample_tables

FACTS = {
    "whole": ("45-54", "50-74K", "Homeowner", "Married", "2", "2 Adults", "1"),
    "edges": ("65+", "Under 15K", "Renter", "Unmarried", "5+", "1 Adult", "3+"),
    "vague": ("19-24", "250K+", "Unknown", "Unknown", "1", "1 Adult", "None/Unknown"),
    "blank": (None,) * 7,
}
EXPECTED = {
    "whole": (1, 45, 50, 2, 1, 1, 1),
    "edges": (1, 65, 0, 5, 3, 0, 0),
    "vague": (1, 19, 250, 1, None, None, None),
    "blank": (0, None, None, None, None, None, None),
    "absent": (None,) * 7,
}


@pytest.mark.parametrize("customer", EXPECTED)
def test_bands_are_their_lower_ends(customer: str) -> None:
    rows = [(c, *facts, *(None for _ in CONTACT_FACTS)) for c, facts in FACTS.items()]
    tables = {**sample_tables(customers=2, weeks=8), "customers": pl.DataFrame(rows, schema=CUSTOMERS.columns, orient="row")}
    frame = evaluate(PROFILE, shop_of(tables), spine_of(tables, [START], [customer]))
    assert frame.select(FEATURES.keys()).row(0) == EXPECTED[customer]
