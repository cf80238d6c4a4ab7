"""What is remembered of a customer answers as what is computed anew."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from features.feast_bytes import PROJECT, VIEW, entity_key
from features.store import DATABASE, LATELY, CustomerFeatures, CustomerReader, open_reader, unpack_customer
from features.versions import current_folder
from serving.decisioning.engine import Decision, Engine, OfferRequest
from serving.live import Live
from serving.offers.offer_types import OFFER_TYPES
from serving.remembered import Memory
from serving.services import Services
from tests.serving.small_shop import CUSTOMERS

Told = list[tuple[str, str, tuple[float, ...]]]


def decided(live: Live, customer: str, services: Services, **asked: object) -> Decision:
    engine = Engine(OFFER_TYPES, new_id=lambda: f"the-same-{customer}")
    return engine.decide(live, OfferRequest(customer, "email", limit=5, **asked), now=services.now)  # type: ignore[arg-type]


def told(decision: Decision) -> Told:
    factors, slate = decision.slate.factors, decision.slate
    numbers = zip(factors.p0, factors.tau, factors.margin, factors.discount, factors.fatigue, decision.values, strict=True)
    return sorted((i, "/".join(p), tuple(map(float, n))) for i, p, n in zip(slate.offer_ids, slate.product_ids, numbers, strict=True))


def same(one: Decision, other: Decision) -> None:
    for (name, products, numbers), (name_, products_, numbers_) in zip(told(one), told(other), strict=True):
        assert (name, products) == (name_, products_)
        assert numbers == pytest.approx(numbers_, rel=1e-5, abs=1e-7)
    assert [given.candidate.offer_id for given in one.offers] == [given.candidate.offer_id for given in other.offers]
    assert one.context.segments == other.context.segments


def test_the_second_answer_is_the_first_and_that_of_no_memory(services: Services) -> None:
    fresh, mindful = replace(services.live, memory=Memory(0)), replace(services.live, memory=Memory(100))
    cart = (services.live.catalogue.products.products[3].product_id,)
    for customer in CUSTOMERS[:40]:
        first, second = decided(mindful, customer, services), decided(mindful, customer, services)
        assert second.context.kept
        assert "item_logits" not in second.context.likings.__dict__, "nothing of all products is computed for somebody who is remembered"
        for other in (second, decided(fresh, customer, services)):
            same(first, other)
        same(decided(mindful, customer, services, cart=cart), decided(fresh, customer, services, cart=cart))
        same(decided(mindful, customer, services), first)


def test_stock_counts_at_once(services: Services) -> None:
    mindful = replace(services.live, memory=Memory(100))
    before = [decided(mindful, customer, services) for customer in CUSTOMERS[:20]]
    gone = {product for one in before for given in one.offers for product in (item.product_id for item in given.candidate.items)}
    assert gone
    sold_out = mindful.restocked(dict.fromkeys(gone, 0))
    assert sold_out.memory is mindful.memory
    for customer in CUSTOMERS[:20]:
        after = decided(sold_out, customer, services)
        assert not gone & {product for products in after.slate.product_ids for product in products}
        same(after, decided(replace(sold_out, memory=Memory(0)), customer, services))


class OneRow:
    """A reader of one customer, whose row can be exchanged."""

    def __init__(self, reader: CustomerReader, customer_id: str) -> None:
        packed = reader.packed(customer_id)
        assert packed is not None
        self.row: Mapping[str, bytes] | None = dict(packed)
        self.told: list[int] = []
        self.reads = 0

    def packed(self, _: str) -> Mapping[str, bytes] | None:
        self.reads += 1
        return None if self.row is None else dict(self.row)

    def version(self, _: str) -> int | None:
        return self.told.pop(0) if self.told else None

    def version_lately(self, _: str) -> int | None:
        return self.told[0] if self.told else None

    def read(self, customer_id: str) -> CustomerFeatures | None:
        return None if self.row is None else unpack_customer(customer_id, self.row)


def test_new_features_and_new_models_are_not_answered_from_memory(services: Services) -> None:
    one, another = CUSTOMERS[:2]
    memory, reader, other = Memory(10), OneRow(services.live.reader, one), OneRow(services.live.reader, another)
    customer = memory.read(reader, one)  # type: ignore[arg-type]
    assert customer is not None
    kept = memory.of(customer, 28)
    assert kept == {}
    kept["churn"] = "said"
    assert memory.read(reader, one) is customer  # type: ignore[arg-type]
    assert memory.of(customer, 28) == {"churn": "said"}
    assert memory.of(customer, 14) == {}
    for changed in ("vector", "categories", "recent"):
        assert reader.row is not None
        assert other.row is not None
        reader.row = {**reader.row, changed: other.row[changed]}
        later = memory.read(reader, one)  # type: ignore[arg-type]
        assert later is not None
        assert later is not customer
        assert memory.of(later, 28) == {}
        assert memory.of(customer, 28) is None, "what is no longer so is not remembered"
        customer, kept = later, memory.of(later, 28)
        assert kept is not None
        kept["churn"] = "said"
    reader.row = None
    assert memory.read(reader, one) is None  # type: ignore[arg-type]
    assert len(memory) == 0, "who was erased is forgotten"
    live = replace(services.live, memory=memory)
    assert live.with_models(live.models).memory is not memory


def test_a_row_is_read_again_unless_the_store_says_that_nothing_changed(services: Services) -> None:
    one = CUSTOMERS[0]
    memory, reader = Memory(10), OneRow(services.live.reader, one)
    reader.told = [7, 7]
    customer = memory.read(reader, one)  # type: ignore[arg-type]
    reads = reader.reads
    reader.told = [7]
    assert memory.read(reader, one) is customer  # type: ignore[arg-type]
    assert reader.reads == reads
    reader.told = [8, 9]  # somebody wrote while the row was read
    assert memory.read(reader, one) is customer  # type: ignore[arg-type]
    reader.told = [9, 9, 9]
    assert [memory.read(reader, one) for _ in range(2)] == [customer] * 2  # type: ignore[arg-type]
    assert reader.reads == reads + 2, "read at 8 and once more at 9"
    another = OneRow(services.live.reader, one)
    another.told = [9, 9]
    memory.read(another, one)  # type: ignore[arg-type]
    assert another.reads == 1, "another store's versions are its own"


def test_new_is_whose_row_would_be_read_and_of_whom_no_model_spoke(services: Services) -> None:
    (one, another), memory, reader = CUSTOMERS[:2], Memory(10), OneRow(services.live.reader, CUSTOMERS[0])
    reader.told = [7, 7]
    customer = memory.read(reader, one)  # type: ignore[arg-type]
    assert customer is not None

    def new(version: int | None) -> list[str]:
        reader.told = [version]
        return memory.new(reader, (one, another), 28)  # type: ignore[arg-type]

    assert new(7) == [one, another]
    memory.of(customer, 14)
    assert new(7) == [one, another], "said within another horizon"
    memory.of(customer, 28)
    assert new(7) == [another]
    assert new(8) == new(None) == [one, another]
    assert reader.reads == 1, "one look at the version, none at a row"
    assert Memory(0).new(reader, (one,), 28) == [one]  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_what_another_process_writes_into_the_store_is_read(own_shop: Path, mode: str) -> None:
    folder = current_folder(own_shop / "online", remedy="")
    writer = sqlite3.connect(folder / DATABASE)
    writer.execute(f"PRAGMA journal_mode = {mode}")
    reader, memory, (one, another) = open_reader(folder), Memory(10), CUSTOMERS[:2]
    before = memory.read(reader, one)
    assert memory.read(reader, one) is before
    table = f'"{PROJECT}_{VIEW}"'
    taken = f"SELECT value FROM {table} AS theirs WHERE entity_key = ? AND theirs.feature_name = {table}.feature_name"  # noqa: S608
    with writer:
        writer.execute(f"UPDATE {table} SET value = ({taken}) WHERE entity_key = ?", (entity_key(another), entity_key(one)))  # noqa: S608 - constants only
    time.sleep(LATELY)
    after = memory.read(reader, one)
    expected = reader.read(another)
    assert after is not None
    assert expected is not None
    np.testing.assert_array_equal(after.vector, expected.vector)
    assert memory.read(reader, one) is after
    with writer:
        writer.execute(f"DELETE FROM {table} WHERE entity_key = ?", (entity_key(one),))  # noqa: S608 - constants only
    time.sleep(LATELY)
    assert memory.read(reader, one) is None
    reader.close()
    writer.close()


def test_the_longest_ago_is_forgotten(services: Services) -> None:
    memory, reader = Memory(3), services.live.reader
    known = [customer for c in CUSTOMERS[:5] if (customer := memory.read(reader, c)) is not None]
    assert len(memory) == 3
    assert [memory.of(one, 28) for one in known] == [None, None, {}, {}, {}]
    assert memory.read(reader, CUSTOMERS[2]) is known[2]
    assert Memory(0).of(known[0], 28) is None


def test_some_products_logits_are_those_of_all(services: Services) -> None:
    items = services.live.models.items
    assert items is not None
    positions = np.array([5, 0, 17, 3, 3])
    for customer in CUSTOMERS[:10]:
        known = services.live.reader.read(customer)
        assert known is not None
        for taste in (items.taste(known.recent), items.taste(replace(known.recent, orders=0)), None):
            np.testing.assert_allclose(items.logits_of(taste, positions), items.logits_of(taste)[positions], rtol=1e-5, atol=1e-6)
