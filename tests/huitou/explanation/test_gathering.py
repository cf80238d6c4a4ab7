"""Every number of an explanation is the API's for the same customer."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from huitou.explanation.explanation import Explanation
from huitou.explanation.gathering import gather
from serving.errors import CustomerUnknown
from serving.live_models import LiveModels
from serving.services import Services, build_services
from serving.settings import ServingSettings
from tests.huitou.explanation.conftest import Explain
from tests.serving.small_shop import AS_OF, LEAVING

SOME = ("c000", "c017", "c050", LEAVING)


def as_json(explanation: Explanation) -> dict[str, object]:
    document: dict[str, object] = json.loads(explanation.model_dump_json())
    return document


@pytest.mark.parametrize("customer", SOME)
def test_the_portrait_is_the_api_s(explain: Explain, api: TestClient, customer: str) -> None:
    ours, theirs = as_json(explain(customer)), api.get(f"/v1/customers/{customer}").json()
    portrait: dict[str, object] = ours["portrait"]  # type: ignore[assignment]
    assert portrait["attributes"] == theirs["attributes"]["facts"]
    assert portrait["behaviour"] == theirs["behaviour"]["facts"]
    for name in ("stage", "layer", "spend_percentile", "expected_margin_28d"):
        assert portrait[name] == theirs["predictions"][name]
    assert (ours["as_of"], ours["age_days"]) == (theirs["behaviour"]["as_of"], theirs["behaviour"]["age_days"])


@pytest.mark.parametrize("customer", SOME)
def test_churn_is_the_api_s_and_lies_on_the_curve(explain: Explain, api: TestClient, customer: str) -> None:
    ours = as_json(explain(customer, horizon_days=120))["churn"]
    theirs = api.get(f"/v1/customers/{customer}/scores", params={"horizon_days": [14, 28, 56, 91, 120]}).json()
    assert ours["at_horizons"] == theirs["churn"]  # type: ignore[index]
    for name in ("expected_next_order_date", "reasons"):
        assert ours[name] == theirs[name]  # type: ignore[index]
    curve = {point["days"]: point["probability"] for point in ours["survival"]}  # type: ignore[index]
    assert list(curve) == list(range(121))
    assert curve[0] == 1.0
    assert all(curve[day] <= curve[day - 1] for day in range(1, 121))
    for entry in theirs["churn"]:
        assert curve[entry["horizon_days"]] == pytest.approx(entry["churn_probability"], abs=2e-6)


def test_the_curve_is_at_one_half_when_the_next_order_is_expected(explain: Explain) -> None:
    churn = explain("c000").churn
    assert churn.expected_next_order_date is not None
    days = (churn.expected_next_order_date - AS_OF) / timedelta(days=1)
    before, after = churn.survival[int(days)], churn.survival[int(days) + 1]
    assert before.probability >= 0.5 >= after.probability


@pytest.mark.parametrize("customer", SOME)
def test_offers_are_the_api_s(explain: Explain, api: TestClient, customer: str) -> None:
    ours = as_json(explain(customer, channel="email", limit=3))
    theirs = api.post("/v1/next-best-offers", json={"customer_id": customer, "channel": "email", "limit": 3, "explain": True}).json()
    for name in ("offers", "dropped", "policy_version", "value_basis"):
        assert ours["offers"][name] == theirs[name]  # type: ignore[index]
    for name in ("model_versions", "assumptions", "currency"):
        assert ours["foundation"][name] == theirs[name]  # type: ignore[index]
    assert ours["degraded"] == theirs["degraded"]


def test_needs_are_the_api_s(explain: Explain, api: TestClient) -> None:
    listed = api.get("/v1/replenishments/due", params={"within_days": 28, "limit": 1000}).json()["items"]
    assert {due["customer_id"] for due in listed} & set(SOME)
    for customer in SOME:
        ours, portrait = as_json(explain(customer)), api.get(f"/v1/customers/{customer}").json()
        due = [(n["due_date"], n["category"], n["probability_28d"], n["usual_quantity"], n["product_id"]) for n in ours["due"]]  # type: ignore[attr-defined]
        assert due == [
            (d["due_date"], d["category"], d["probability"], d["quantity"], d["product_id"]) for d in listed if d["customer_id"] == customer
        ]
        likely = {(n["category"], n["probability_28d"], n["usual_quantity"]) for n in ours["likely"]}  # type: ignore[attr-defined]
        later = {
            (n["category"], n["probability_28d"], n["usual_quantity"]) for n in portrait["needs"]["categories"] if n["due_date"] is None
        }
        assert likely == later  # the small shop's customers own four categories, fewer than the page's limit


def test_what_was_bought_last_comes_with_its_dates(explain: Explain, explained_services: Services) -> None:
    customer = explained_services.live.reader.read("c000")
    assert customer is not None
    bought = explain("c000").portrait.bought_lately
    assert [b.product_id for b in bought] == customer.recent.product_ids.tolist()[: len(bought)]
    assert len({b.last_bought.date() for b in bought}) == 3
    for product, ago, orders in zip(bought, customer.recent.days_since_last, customer.recent.purchases, strict=False):
        assert abs(product.last_bought - (AS_OF - timedelta(days=float(ago)))) < timedelta(seconds=10)
        assert product.orders == orders


def test_favourites_are_the_categories_bought_on_most_days(explain: Explain) -> None:
    favourites = explain("c017").portrait.favourites
    assert len(favourites) == 4
    assert [f.purchases for f in favourites] == sorted((f.purchases for f in favourites), reverse=True)
    assert all(f.last_bought is not None and f.last_bought < AS_OF for f in favourites)


def test_without_models_the_rest_is_still_told(explained_services: Services, api: TestClient) -> None:
    bare = build_services(explained_services.settings)
    bare.live = bare.live.with_models(LiveModels(problems={"return_hazard": "Never trained; run `huitou train return_hazard`."}))
    told = gather(bare, "c000", channel=None, horizon_days=91, limit=5)
    assert told.degraded
    assert [(p.part, p.reason) for p in told.problems] == [("return_hazard", "Never trained; run `huitou train return_hazard`.")]
    assert (told.churn.at_horizons, told.churn.survival, told.churn.expected_next_order_date) == ([], [], None)
    assert (told.due, told.likely) == ([], [])
    assert told.portrait.behaviour["order_count"] == api.get("/v1/customers/c000").json()["behaviour"]["facts"]["order_count"]
    assert told.offers.offers


def test_old_features_degrade_it(explained_services: Services) -> None:
    now = AS_OF + timedelta(days=30)
    services = build_services(ServingSettings(data_dir=explained_services.settings.data_dir, now=now))
    told = gather(services, "c000", channel=None, horizon_days=91, limit=5)
    assert (told.now, told.age_days, told.degraded) == (now, 30.0, True)
    assert [p.part for p in told.problems] == ["features"]


def test_somebody_unknown_is_an_error(explain: Explain) -> None:
    with pytest.raises(CustomerUnknown):
        explain("never-seen")


def test_a_channel_that_is_no_name_is_an_error(explain: Explain) -> None:
    with pytest.raises(ValidationError):
        explain(channel="E mail")


def test_it_is_frozen_and_reads_back_from_its_json(explain: Explain) -> None:
    told = explain(LEAVING)
    assert Explanation.model_validate_json(told.model_dump_json()) == told
    with pytest.raises(ValidationError):
        told.customer_id = "another"
    assert datetime.fromisoformat(str(as_json(told)["as_of"])) == AS_OF


def test_its_json_schema_names_and_explains_it() -> None:
    schema = Explanation.model_json_schema(mode="serialization")
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) >= {"customer_id", "as_of", "portrait", "churn", "due", "likely", "offers", "foundation"}
    assert schema["properties"]["format_version"]["const"] == 1


def test_the_same_question_gives_the_same_json(explain: Explain) -> None:
    assert explain("c017").model_dump_json() == explain("c017").model_dump_json()
