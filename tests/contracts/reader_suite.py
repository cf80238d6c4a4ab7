"""What every online store's reader promises; its test inherits this and says how its store is made and how it is damaged."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from features.errors import StateBroken, StateMissing
from features.feast_bytes import VIEW
from features.feast_repo.repo import PACKED, open_store
from features.redis_server import RedisServer
from features.store import CustomerFeatures, CustomerReader, open_reader, unpack_customer
from tests.conftest import SampleBuild
from tests.shop import EDGE, IDLE, STRANGER

Place = RedisServer | None


def assert_same_customer(found: CustomerFeatures | None, expected: CustomerFeatures) -> None:
    """Equal to the last bit."""
    assert found is not None
    assert (found.customer_id, found.as_of, found.categories) == (expected.customer_id, expected.as_of, expected.categories)
    np.testing.assert_array_equal(found.vector, expected.vector)
    np.testing.assert_array_equal(found.category_features, expected.category_features)
    assert found.recent.product_ids.tolist() == expected.recent.product_ids.tolist()
    np.testing.assert_array_equal(found.recent.purchases, expected.recent.purchases)
    np.testing.assert_array_equal(found.recent.days_since_last, expected.recent.days_since_last)
    assert found.recent.orders == expected.recent.orders
    assert list(found.tags.items()) == list(expected.tags.items())
    assert found.facts == expected.facts


class CustomerReaderSuite:
    """Inherit, name the `adapter` class, and provide the fixture `folder` and the method `damage`; a store of a server also `place`."""

    adapter: type

    @pytest.fixture(scope="class")
    @classmethod
    def place(cls) -> Place:
        """Where the rows are, if not in the folder."""
        return None

    @pytest.fixture(scope="class")
    @classmethod
    def feasts(cls, sample_build: SampleBuild) -> Path:
        """A folder of the sample shop whose store Feast's own client reads."""
        return sample_build.built.online

    @pytest.fixture
    def folder(self, sample_build: SampleBuild, tmp_path: Path) -> Path:
        """A folder of the test's own with the sample shop in this adapter's store and in no other."""
        raise NotImplementedError

    def damage(self, folder: Path) -> None:
        """Overwrite part of the store."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def by_feast(cls, sample_build: SampleBuild, feasts: Path, place: Place) -> dict[str, CustomerFeatures]:
        """Every customer as Feast's own client reads it."""
        ids = sample_build.warehouse.read("orders")["customer_id"].drop_nulls().unique().sort().to_list()
        answer = open_store(feasts, place).get_online_features(
            features=[f"{VIEW}:{name}" for name in PACKED], entity_rows=[{"customer_id": c} for c in ids]
        )
        columns = answer.to_dict()
        return {c: unpack_customer(c, {name: columns[name][i] for name in PACKED}) for i, c in enumerate(ids)}

    def test_the_opener_opens_it(self, folder: Path, place: Place) -> None:
        reader = open_reader(folder, place)
        assert isinstance(reader, self.adapter)
        reader.close()

    def test_every_customer_is_as_feast_reads_it(self, folder: Path, place: Place, by_feast: dict[str, CustomerFeatures]) -> None:
        reader = open_reader(folder, place)
        assert {EDGE, STRANGER} < set(by_feast)
        for customer, expected in by_feast.items():
            assert_same_customer(reader.read(customer), expected)
            packed = reader.packed(customer)
            assert packed is not None
            assert_same_customer(unpack_customer(customer, packed), expected)
        reader.close()

    def test_a_sketch_has_the_same_numbers_and_nothing_else(
        self, folder: Path, place: Place, by_feast: dict[str, CustomerFeatures]
    ) -> None:
        reader = open_reader(folder, place)
        for customer, expected in by_feast.items():
            found = reader.sketch(customer)
            assert found is not None
            assert (found.customer_id, found.as_of, found.categories) == (customer, expected.as_of, ())
            np.testing.assert_array_equal(found.vector, expected.vector)
            assert not len(found.recent.product_ids)
        assert reader.sketch("nobody") is None
        reader.close()

    def test_the_known_customers_are_all_who_ordered(self, folder: Path, place: Place, by_feast: dict[str, CustomerFeatures]) -> None:
        reader = open_reader(folder, place)
        assert reader.customer_ids() == sorted(by_feast)
        reader.close()

    @pytest.mark.parametrize("customer", ["nobody", IDLE, "", "c' OR 1=1 --", "../c000", "\0", "很长" * 5_000])
    def test_an_unknown_customer_is_none(self, customer: str, folder: Path, place: Place) -> None:
        reader = open_reader(folder, place)
        assert (reader.read(customer), reader.packed(customer)) == (None, None)
        reader.close()

    def test_many_threads_read_the_same(self, folder: Path, place: Place) -> None:
        reader = open_reader(folder, place)
        ids = reader.customer_ids() * 3
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(reader.read, ids))
        for customer, one in zip(ids, found, strict=True):
            expected = reader.read(customer)
            assert expected is not None
            assert_same_customer(one, expected)
        reader.close()

    def test_a_damaged_store_is_told_with_the_remedy(self, folder: Path, place: Place) -> None:
        self.damage(folder)
        with pytest.raises(StateBroken, match="huitou build --force"):
            _read_everything(folder, place)

    def test_no_store_names_the_command(self, tmp_path: Path) -> None:
        with pytest.raises(StateMissing, match="huitou build"):
            open_reader(tmp_path / "nothing")


def _read_everything(folder: Path, place: Place) -> None:
    # An adapter may notice the damage when it opens the store or when it is first asked.
    reader: CustomerReader = open_reader(folder, place)
    try:
        reader.read(EDGE)
        reader.customer_ids()
    finally:
        reader.close()
