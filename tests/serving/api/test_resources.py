from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from features.ledger import consents
from features.ledger.consents import ANY, State, Statement
from features.store import DATABASE
from serving.api.replenishments import due_view
from serving.app import create_app
from serving.decisioning.experiments import ExperimentBook
from serving.live_models import LiveModels
from serving.replenishments import Due
from serving.services import Services, build_services
from serving.settings import ServingSettings
from tests.serving.small_shop import AS_OF, CUSTOMERS, INACTIVE, LEAVING, OUT_OF_STOCK


def test_recommendations_are_lawful_and_ranked(client: TestClient, services: Services) -> None:
    bare = {OUT_OF_STOCK, INACTIVE, "p10"}
    for customer in CUSTOMERS[:20]:
        items = client.post("/v1/recommendations", json={"customer_id": customer, "limit": 40, "cart": ["p10"]}).json()["items"]
        assert len(items) == 37
        assert bare.isdisjoint(item["product_id"] for item in items)
        assert [item["score"] for item in items] == sorted((item["score"] for item in items), reverse=True)
        new = client.post("/v1/recommendations", json={"customer_id": customer, "limit": 40, "explore": True}).json()["items"]
        known = services.live.reader.read(customer)
        assert known is not None
        assert {item["product_id"] for item in new}.isdisjoint(known.recent.product_ids.tolist())


def test_recommendations_without_a_model_still_sell(services: Services, small_shop: Path) -> None:
    with TestClient(create_app(ServingSettings(data_dir=small_shop))) as bare:
        bare.app.state.services.live = services.live.with_models(LiveModels())  # type: ignore[attr-defined]
        for body in ({"customer_id": "c000", "limit": 40}, {"limit": 5}, {"customer_id": "c000", "explore": True}):
            answer = bare.post("/v1/recommendations", json=body).json()
            assert [part["part"] for part in answer["degraded_reasons"]] == ["items"]
            assert answer["items"]
            ids = [item["product_id"] for item in answer["items"]]
            assert len(ids) == len(set(ids))
            assert {OUT_OF_STOCK, INACTIVE}.isdisjoint(ids)
            assert all(item["probability"] is None for item in answer["items"])
        assert bare.post("/v1/bundles", json={}).json()["bundles"] == []
        scores = bare.get("/v1/customers/c000/scores").json()
        assert scores["churn"] == []
        assert scores["degraded"] is True
        assert bare.get("/v1/customers/c000").json()["needs"]["categories"] == []
        due = bare.get("/v1/replenishments/due")
        assert (due.status_code, due.json()["type"]) == (503, "urn:huitou:problem:model-unavailable")
        assert 'huitou_degraded_answers_total{part="items"} 3.0' in bare.get("/metrics").text


def test_bundles_are_whole_and_discounted(client: TestClient) -> None:
    for body in ({"customer_id": "c003", "limit": 20}, {"personalized": False, "limit": 20}):
        found = client.post("/v1/bundles", json=body).json()["bundles"]
        assert len(found) > 10
        for bundle in found:
            assert {OUT_OF_STOCK, INACTIVE}.isdisjoint(item["product_id"] for item in bundle["items"])
            assert bundle["price"] == pytest.approx(0.95 * sum(item["price"] for item in bundle["items"]), abs=0.006)


def test_scores_at_any_horizon(client: TestClient, services: Services) -> None:
    model, customer = services.live.models.return_hazard, services.live.reader.read(LEAVING)
    assert model is not None
    assert customer is not None
    answer = client.get(f"/v1/customers/{LEAVING}/scores", params={"horizon_days": [45, 3, 365]}).json()
    assert [entry["horizon_days"] for entry in answer["churn"]] == [3, 45, 365]
    for entry in answer["churn"]:
        expected = model.churn_probability(customer.vector[None, :], entry["horizon_days"])[0]
        assert entry["churn_probability"] == pytest.approx(expected, abs=1e-6)
    assert [entry["beyond_history"] for entry in answer["churn"]] == [False, False, True]
    standard = client.get(f"/v1/customers/{LEAVING}/scores").json()
    assert [entry["horizon_days"] for entry in standard["churn"]] == [14, 28, 56, 91]
    assert standard["reasons"]


def test_the_expected_order_is_a_date_or_null(client: TestClient) -> None:
    dates = [client.get(f"/v1/customers/{customer}/scores").json()["expected_next_order_date"] for customer in CUSTOMERS]
    for date in dates:
        assert date is None or AS_OF < datetime.fromisoformat(date) <= AS_OF + timedelta(days=182)
    assert any(date is not None for date in dates)


def test_the_portrait_has_four_blocks_with_their_freshness(client: TestClient) -> None:
    portrait = client.get("/v1/customers/c005").json()
    for name in ("attributes", "behaviour", "needs", "predictions"):
        assert datetime.fromisoformat(portrait[name]["as_of"]) == AS_OF
        assert portrait[name]["age_days"] == 0
    assert portrait["attributes"]["facts"]["profile_known"] == 0
    assert portrait["attributes"]["facts"]["age_from"] is None
    assert portrait["behaviour"]["facts"]["category_count"] == 4
    assert len(portrait["needs"]["categories"]) == 4
    chances = [need["probability_14d"] for need in portrait["needs"]["categories"]]
    assert chances == sorted(chances, reverse=True)


@pytest.mark.parametrize("path", ["/v1/customers/agreed-only", "/v1/customers/agreed-only/scores"])
def test_who_agreed_and_is_not_known_has_no_portrait(client: TestClient, services: Services, path: str) -> None:
    with services.ledger.database.writing() as connection:
        consents.state(connection, [Statement("agreed-only", ANY, ANY, State.GRANTED, services.ledger.clock(), "test")])
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["instance"] == path


@pytest.mark.parametrize("query", ["horizon_days=0", "horizon_days=366", "horizon_days=x", "&".join(["horizon_days=5"] * 11)])
def test_horizons_have_bounds(client: TestClient, query: str) -> None:
    answer = client.get(f"/v1/customers/c000/scores?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith("query.horizon_days")


def test_due_replenishments_page_by_cursor_without_gap_or_repeat(client: TestClient) -> None:
    whole = client.get("/v1/replenishments/due", params={"within_days": 28, "limit": 1000}).json()
    assert whole["next_cursor"] is None
    paged: list[dict[str, object]] = []
    cursor: dict[str, str] = {}
    while True:
        page = client.get("/v1/replenishments/due", params={"within_days": 28, "limit": 7, **cursor}).json()
        paged += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert paged == whole["items"]
    assert len(paged) > 50
    dates = [item["due_date"] for item in whole["items"]]
    assert dates == sorted(dates)
    near = client.get("/v1/replenishments/due", params={"within_days": 7, "limit": 1000}).json()["items"]
    assert near == [item for item in whole["items"] if datetime.fromisoformat(item["due_date"]) <= AS_OF + timedelta(days=7)]


def test_due_agrees_with_the_portrait(client: TestClient) -> None:
    due = client.get("/v1/replenishments/due", params={"within_days": 28, "limit": 1000}).json()["items"]
    for customer in CUSTOMERS[:15]:
        needs = client.get(f"/v1/customers/{customer}").json()["needs"]["categories"]
        expected = {(n["category"], n["usual_product_id"]) for n in needs if n["due_date"] is not None}
        assert {(d["category"], d["product_id"]) for d in due if d["customer_id"] == customer} == expected


@pytest.mark.parametrize("cursor", ["abc", "W10=", "eyJhIjogMX0=", "é"])
def test_a_cursor_of_elsewhere_is_refused(client: TestClient, cursor: str) -> None:
    answer = client.get("/v1/replenishments/due", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:huitou:problem:cursor-invalid")


def test_a_cursor_of_an_earlier_build_is_refused(client: TestClient, services: Services, small_shop: Path) -> None:
    cursor = client.get("/v1/replenishments/due", params={"limit": 1}).json()["next_cursor"]
    with TestClient(create_app(ServingSettings(data_dir=small_shop))) as other:
        other.app.state.services.live = replace(services.live, version="another").warm()  # type: ignore[attr-defined]
        answer = other.get("/v1/replenishments/due", params={"cursor": cursor})
        assert answer.status_code == 400
        assert "anew" in answer.json()["detail"]


def test_too_early_is_told_to_come_back(small_shop: Path) -> None:
    with TestClient(create_app(ServingSettings(data_dir=small_shop, due_wait_seconds=0))) as impatient:
        answer = impatient.get("/v1/replenishments/due")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        services: Services = impatient.app.state.services  # type: ignore[attr-defined]
        services.due.rows(services.live).result(timeout=60)
        impatient.app.state.services = replace(services, settings=services.settings.model_copy(update={"due_wait_seconds": 5.0}))  # type: ignore[attr-defined]
        assert impatient.get("/v1/replenishments/due").status_code == 200


def test_readiness_names_what_is_missing(own_shop: Path) -> None:
    (own_shop / "models" / "bundles" / "CHAMPION").unlink()
    with TestClient(create_app(ServingSettings(data_dir=own_shop))) as degraded:
        assert degraded.get("/healthz").json() == {"status": "ok"}
        ready = degraded.get("/readyz")
        assert ready.status_code == 200
        document = ready.json()
        assert document["status"] == "degraded"
        assert document["models"]["bundles"]["version"] is None
        assert "huitou train bundles" in document["models"]["bundles"]["problem"]
        assert document["models"]["items"] == {"version": "1-0a1b2c3d", "problem": None}


def test_a_damaged_store_degrades_and_is_named(own_shop: Path) -> None:
    store = own_shop / "online" / (own_shop / "online" / "CURRENT").read_text().strip() / DATABASE
    store.write_bytes(b"\xff" * 4096)
    with TestClient(create_app(ServingSettings(data_dir=own_shop))) as damaged:
        offers = damaged.post("/v1/next-best-offers", json={"customer_id": "c000"})
        assert offers.status_code == 200
        assert [part["part"] for part in offers.json()["degraded_reasons"]] == ["customer"]
        for path in ("/v1/customers/c000", "/v1/customers/c000/scores"):
            refused = damaged.get(path)
            assert (refused.status_code, refused.json()["type"]) == (503, "urn:huitou:problem:customer-unreadable")
            assert "--force" in refused.json()["detail"]
        ready = damaged.get("/readyz").json()
        assert ready["status"] == "degraded"
        assert "cannot be read" in ready["problems"]["customers"]


def test_ready_and_counted(client: TestClient) -> None:
    assert client.get("/readyz").json()["status"] == "ready"
    client.post("/v1/next-best-offers", json={"customer_id": "c000"})
    client.get("/no/such/thing")
    text = client.get("/metrics").text
    assert 'huitou_model_info{model="items",version="1-0a1b2c3d"} 1.0' in text
    assert 'huitou_requests_total{method="POST",route="/v1/next-best-offers",status="200"}' in text
    assert 'huitou_requests_total{method="GET",route="unmatched",status="404"}' in text
    assert "no/such/thing" not in text
    assert "huitou_feature_age_days 0.0" in text


def test_old_features_degrade_every_answer(small_shop: Path) -> None:
    with TestClient(create_app(ServingSettings(data_dir=small_shop, now=AS_OF + timedelta(days=30)))) as stale:
        answer = stale.post("/v1/next-best-offers", json={"customer_id": "c000"}).json()
        assert [part["part"] for part in answer["degraded_reasons"]] == ["features"]
        assert stale.get("/v1/customers/c000").json()["behaviour"]["age_days"] == 30


def test_commands_build_the_same_services(small_shop: Path) -> None:
    assert build_services(ServingSettings(data_dir=small_shop)).live.as_of == AS_OF


def test_exact_attribution_only_where_asked(client: TestClient, services: Services) -> None:
    assert client.get("/v1/customers/c003/scores").json()["shap"] is None
    shap = client.get("/v1/customers/c003/scores", params={"shap": True}).json()["shap"]
    hazard = services.live.models.return_hazard
    assert hazard is not None
    assert set(shap) == {*hazard.path.inputs, "expected_value"}
    known = services.live.reader.read("c003")
    assert known is not None
    margin = hazard.booster.predict(hazard.path.at(known.vector[None, :], 0), raw_score=True)
    # TreeSHAP's law: the parts add up to the prediction on the margin.
    assert sum(shap.values()) == pytest.approx(float(margin[0]), abs=1e-4)


def test_who_is_kept_apart_is_marked_in_the_list_of_due_replenishments(services: Services) -> None:
    row = Due(3.0, "c001", "tea", 0.5, 1.0, "p30")
    assert due_view(row, services.live).holdout is None
    everybody = services.live.policy.changed({"holdouts": {"universal": 1.0, "model_control": 0.0}})
    assert due_view(row, services.live.trying(ExperimentBook((), everybody))).holdout == "universal"
