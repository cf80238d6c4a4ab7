"""A refresh reads features off by plain sums, the build by running ones: both say the same."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
import polars.testing
import pytest

from features.definitions.as_of import one_date_each
from features.definitions.catalogue import VIEWS
from features.definitions.view import FeatureView
from tests.features.ground import TOLERANCE, evaluate, shop_of, spine_of


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
@pytest.mark.parametrize("days_back", [0.0, 3.5, 40.0])
def test_one_date_a_customer_gives_the_same_by_plain_sums(
    view: FeatureView, days_back: float, shop_tables: dict[str, pl.DataFrame]
) -> None:
    last = shop_tables["orders"]["ordered_at"].max()
    assert isinstance(last, datetime)
    spine = spine_of(shop_tables, [last - timedelta(days=days_back)])
    shop = shop_of(shop_tables)
    expected = evaluate(view, shop, spine)
    with one_date_each():
        found = evaluate(view, shop, spine)
    assert found.height == expected.height > 0
    for name in view.features:
        pl.testing.assert_series_equal(found[name], expected[name], rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    assert found.select(*view.keys, "as_of").equals(expected.select(*view.keys, "as_of"))
