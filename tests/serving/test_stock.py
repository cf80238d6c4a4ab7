"""Stock that is fed reaches every answer: what sells out is offered nowhere, what comes back is offered again."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from features.ledger.catalogue import put_stock
from serving.app import create_app
from serving.live import Live, open_live
from serving.services import Services, build_services
from serving.settings import ServingSettings
from tests.serving.small_shop import CUSTOMERS, OUT_OF_STOCK


def feed(services: Services, **levels: int | None) -> None:
    with services.ledger.database.writing() as connection:
        put_stock(connection, levels, at=services.ledger.clock())


def offered(client: TestClient) -> set[str]:
    """Every product in any answer about a few customers and about nobody."""
    found: set[str] = set()
    for customer in (None, *CUSTOMERS[:6]):
        who = {} if customer is None else {"customer_id": customer}
        items = client.post("/v1/recommendations", json={**who, "limit": 50}).json()["items"]
        bundles = client.post("/v1/bundles", json={**who, "limit": 50}).json()["bundles"]
        offers = client.post("/v1/next-best-offers", json={**who, "limit": 10}).json()["offers"]
        found |= {item["product_id"] for part in (items, *(b["items"] for b in bundles), *(o["items"] for o in offers)) for item in part}
    due = client.get("/v1/replenishments/due", params={"within_days": 28, "limit": 1000}).json()["items"]
    return found | {row["product_id"] for row in due}


def wait_for(condition: object, seconds: float = 10.0) -> float:
    started = time.monotonic()
    while not condition():  # type: ignore[operator]
        assert time.monotonic() - started < seconds, "it never came true"
    return time.monotonic() - started


def test_sold_out_leaves_every_answer_of_every_process_and_comes_back(own_shop: Path) -> None:
    settings = ServingSettings(data_dir=own_shop, follow_seconds=0.05)
    with TestClient(create_app(settings)) as one, TestClient(create_app(settings)) as other:
        services: Services = one.app.state.services  # type: ignore[attr-defined]
        before = offered(one)
        assert before == offered(other)
        assert OUT_OF_STOCK not in before
        gone = sorted(before - {None})[:5]
        feed(services, **dict.fromkeys(gone, 0), **{OUT_OF_STOCK: 3})
        for client in (one, other):
            wait_for(lambda client=client: not offered(client) & set(gone))
            assert OUT_OF_STOCK in offered(client)
        feed(services, **dict.fromkeys(gone, 1), **{OUT_OF_STOCK: None})
        for client in (one, other):
            wait_for(lambda client=client: offered(client) >= before)


def fresh(services: Services, levels: dict[str, int | None]) -> Live:
    """The state as if the build itself had known these levels."""
    folder = services.settings.online_dir / services.live.version
    plain = open_live(folder, services.live.models, services.live.policy)
    products = tuple(
        p.model_copy(update={"stock": levels[p.product_id]}) if p.product_id in levels else p for p in plain.catalogue.products.products
    )
    text = plain.catalogue.products.model_copy(update={"products": products}).model_dump_json()
    (folder / "products.json").write_text(text, encoding="utf-8")
    return open_live(folder, services.live.models, services.live.policy)


@pytest.mark.parametrize(
    "levels", [{"p00": 0}, {"p00": 5}, {OUT_OF_STOCK: 9, "p07": 0, "p21": 0}, {"not-sold-here": 0}, {OUT_OF_STOCK: None}]
)
def test_a_restocked_state_equals_one_that_was_built_so(own_shop: Path, levels: dict[str, int | None]) -> None:
    services = build_services(ServingSettings(data_dir=own_shop))
    feed(services, **levels)
    before, untouched = services.live, set(services.live.catalogue._offerable)
    assert services.follow()
    assert not services.follow(), "nothing more came"
    found, expected = services.live, fresh(services, levels)
    assert found is not before
    assert found.item_mask is not None
    assert found.bundle_mask is not None
    assert expected.item_mask is not None
    assert expected.bundle_mask is not None
    np.testing.assert_array_equal(found.item_mask, expected.item_mask)
    np.testing.assert_array_equal(found.bundle_mask, expected.bundle_mask)
    assert {k: v.tolist() for k, v in found.coupon_positions.items()} == {k: v.tolist() for k, v in expected.coupon_positions.items()}
    assert found.catalogue.best_sellers == expected.catalogue.best_sellers
    assert found.catalogue._offerable == expected.catalogue._offerable
    everything = [p.product_id for p in expected.catalogue.products.products]
    assert found.catalogue.own_products(everything) == expected.catalogue.own_products(everything)
    assert before.catalogue._offerable == untouched, "what a request under way holds stays as it was"


def test_stock_counts_before_a_new_build_and_after_a_restart(own_shop: Path) -> None:
    services = build_services(ServingSettings(data_dir=own_shop))
    feed(services, p00=0)
    again = build_services(ServingSettings(data_dir=own_shop))
    assert not again.live.catalogue.offerable("p00")
    assert again.live.catalogue.offerable("p01")
