"""The names that serving knows are the names that the views make."""

from __future__ import annotations

import pytest

from features.definitions.catalogue import CUSTOMER_VIEWS, VIEWS
from features.definitions.view import FeatureView
from features.feature_sets import CATEGORY, CUSTOMER, RECENT, FeatureSet
from tests.conftest import SampleBuild


@pytest.mark.parametrize("features", [CUSTOMER, CATEGORY], ids=lambda s: s.name)
def test_a_set_names_its_views_features_in_order(features: FeatureSet) -> None:
    views = {view.name: view for view in VIEWS}
    for view, names in features.views:
        assert names == tuple(views[view].features)


def test_the_customer_set_is_all_customer_views_in_order_and_no_name_occurs_twice() -> None:
    assert [name for name, _ in CUSTOMER.views] == [view.name for view in CUSTOMER_VIEWS]
    assert len(set(CUSTOMER.columns)) == len(CUSTOMER.columns)


@pytest.mark.parametrize("view", VIEWS, ids=lambda v: v.name)
def test_every_feature_is_described_and_built_in_that_order(view: FeatureView, sample_build: SampleBuild) -> None:
    assert all(len(text) > 10 for text in view.features.values())
    frame = sample_build.offline.read(view.name)
    assert frame.columns == [*view.keys, "as_of", *view.features]
    assert set(map(str, frame.select(*view.features).dtypes)) == {"Float64"}
    assert frame.select(*view.keys, "as_of").is_unique().all()


def test_the_hash_says_name_views_and_order() -> None:
    assert FeatureSet("a", (("v", ("x", "y")),)).hash == FeatureSet("a", (("v", ("x", "y")),)).hash
    others = [("b", (("v", ("x", "y")),)), ("a", (("w", ("x", "y")),)), ("a", (("v", ("y", "x")),)), ("a", (("v", ("x",)),))]
    assert len({FeatureSet("a", (("v", ("x", "y")),)).hash, *(FeatureSet(*other).hash for other in others)}) == 5
    assert len({CUSTOMER.hash, CATEGORY.hash, RECENT.hash}) == 3
