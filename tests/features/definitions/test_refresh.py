"""One customer's refresh equals the batch: the view on `Shop.of_customers` gives that customer's batch row."""

from __future__ import annotations

import ibis
import polars as pl
import pytest

from features.definitions.catalogue import CUSTOMER_VIEWS
from features.definitions.view import FeatureView
from features.engine import open_engine, open_shop
from tests.conftest import SampleBuild
from tests.features.ground import assert_same
from tests.shop import EDGE, STRANGER


@pytest.mark.parametrize("view", CUSTOMER_VIEWS, ids=lambda v: v.name)
def test_one_customers_refresh_equals_the_batch(view: FeatureView, sample_build: SampleBuild) -> None:
    now = sample_build.warehouse.last_event
    shop = open_shop(open_engine(sample_build.settings), sample_build.warehouse)
    batch = sample_build.offline.read(view.name).filter(pl.col("as_of") == now)
    for customer in (EDGE, STRANGER, *batch["customer_id"].sort().head(3)):
        spine = ibis.memtable(
            pl.DataFrame({"customer_id": [customer], "as_of": [now]}, schema_overrides={"as_of": pl.Datetime("us", "UTC")})
        )
        alone = view.build(shop.of_customers([customer]), spine).to_polars()
        assert_same(alone, batch.filter(pl.col("customer_id") == customer), ("customer_id",))
