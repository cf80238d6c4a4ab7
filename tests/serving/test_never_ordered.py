"""What the service says and offers to people who never ordered."""

from __future__ import annotations

import csv
import math
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from features.feast_bytes import PROJECT, VIEW, entity_key
from features.feature_sets import CUSTOMER, TAGS
from features.packing import Block
from features.store import DATABASE
from features.versions import current_folder
from serving.app import create_app
from serving.campaigns.at_risk import write_at_risk_audience
from serving.campaigns.scores import score_all
from serving.catalogue import Catalogue
from serving.channel_scores import as_new_buyers, channel_probabilities
from serving.customer_context import CustomerContext
from serving.interest import is_interested
from serving.lost_reach import lost_of
from serving.services import Services, build_services
from serving.settings import ServingSettings
from tests.serving.browsers import FIRST_ORDERS, FOLLOWS, LOOKED_AT, LOOKS, vector_of, write_browsers
from tests.serving.small_channel import write_channel
from tests.serving.small_shop import AS_OF, CUSTOMERS, feast_bytes, promote, write_small_shop

OFFERS = [
    {"offer_id": "hello", "type": "content", "url": "https://shop.example/hello", "stages": ["interested"], "margin": 50.0},
    {"offer_id": "first", "type": "coupon", "product_ids": ["p20", "p21"], "discount": 0.1, "stages": ["aware", "interested"]},
    {"offer_id": "welcome", "type": "coupon", "discount": 0.5, "stages": ["aware", "interested"]},
    {"offer_id": "thanks", "type": "content", "url": "https://shop.example/thanks", "stages": ["buyer", "loyal"]},
]
_COLUMN = {name: place for place, name in enumerate(CUSTOMER.columns)}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browsers") / "data"
    write_small_shop(folder)
    write_browsers(folder)
    promote(folder, "channel_churn", write_channel(folder / "fitted" / "channel_churn", 7), version="1")
    return folder


@pytest.fixture(scope="module")
def browsing(data_dir: Path) -> Services:
    return build_services(ServingSettings(data_dir=data_dir))


@pytest.fixture(scope="module")
def client(data_dir: Path) -> Iterator[TestClient]:
    with TestClient(create_app(ServingSettings(data_dir=data_dir))) as client:
        assert client.put("/v1/offers", json={"items": OFFERS}).json()["accepted"] == len(OFFERS)
    with TestClient(create_app(ServingSettings(data_dir=data_dir))) as client:  # a service that starts knows them at once
        yield client


def answered(client: TestClient, path: str, **body: Any) -> dict[str, Any]:
    answer = client.post(path, json=body) if body else client.get(path)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_their_channel_is_worth_what_is_chosen_for_others_unless_no_model_answers(browsing: Services) -> None:
    live, policy = browsing.live, browsing.live.policy
    looks, follows, buyer = (CustomerContext(live, browsing.now, live.reader.read(one), "email") for one in (LOOKS, FOLLOWS, CUSTOMERS[3]))
    products = live.catalogue.products.model_copy(update={"first_orders": None})
    few = replace(looks, live=replace(live, catalogue=Catalogue(products, live.catalogue.assumptions)))
    assert (looks.p_order is None, few.p_order is None) == (False, True)
    for one in (looks, follows, few):
        assert lost_of(one, policy, {}, None).money(policy.contact, 0.5) == pytest.approx(0.5 * policy.contact.messages_ahead)
    away = replace(buyer, live=live.with_models(replace(live.models, return_hazard=None)))
    assert away.p_order is None
    assert lost_of(away, policy, {}, None).money(policy.contact, 0.5) == 0.0


@pytest.mark.parametrize(("customer", "stage"), [(LOOKS, "interested"), (FOLLOWS, "aware")])
def test_scores_and_portrait_say_the_stage_and_that_churn_is_not_defined(client: TestClient, customer: str, stage: str) -> None:
    scores = answered(client, f"/v1/customers/{customer}/scores?shap=true")
    predictions = answered(client, f"/v1/customers/{customer}")["predictions"]
    for told in (scores, predictions):
        assert (told["stage"], told["layer"], told["churn_undefined"]) == (stage, None, "never_ordered")
        assert [told[name] for name in ("predicted_orders", "predicted_clv", "probability_alive", "clv_percentile")] == [None] * 4
        assert [told[name] for name in ("expected_next_order_date", "next_order_date_low", "average_days_between_orders")] == [None] * 3
        assert (told["expected_margin_28d"], told["reasons"]) in ((0, []), ("0.00", []))
        assert [entry["horizon_days"] for entry in told["churn"]] == [14, 28, 56, 91]
        for entry in told["churn"]:
            assert (entry["churn_probability"], entry["percentile"], entry["beyond_history"]) == (None, None, True)
            assert 0 < entry["channel_churn_probability"] < 1
    assert scores["shap"] is None
    assert not scores["degraded"], "nothing is missing: there is nothing to say"
    assert answered(client, f"/v1/customers/{CUSTOMERS[0]}/scores")["churn_undefined"] is None


def test_offers_that_declare_the_stage_are_eligible_and_others_say_why_not(client: TestClient) -> None:
    told = answered(client, "/v1/next-best-offers", customer_id=LOOKS, channel="email", limit=10, explain=True)
    assert (told["stage"], told["layer"], told["personalized"]) == ("interested", None, True)
    assert (told["churn"], told["churn_undefined"]) == (None, "never_ordered")
    fell = {one["offer_id"]: one["code"] for one in told["dropped"]}
    assert fell["thanks"] == "stage"
    assert not {one["type"] for one in (*told["offers"], *told["dropped"])} & {"winback", "replenishment"}
    for offer_id in ("hello", "first", "welcome"):
        assert offer_id in {one["offer_id"] for one in told["offers"]} or fell[offer_id] not in {"stage", "layer", "conditions"}
    aware = answered(client, "/v1/next-best-offers", customer_id=FOLLOWS, channel="email", limit=10, explain=True)
    fell = {one["offer_id"]: one["code"] for one in aware["dropped"]}
    assert (fell["hello"], fell["thanks"]) == ("stage", "stage")
    assert fell.get("first") not in {"stage", "layer"}


def test_a_welcome_that_gives_money_away_goes_by_the_share_of_first_orders(browsing: Services) -> None:
    customer = browsing.live.reader.read(LOOKS)
    context = CustomerContext(browsing.live, browsing.now, customer)
    assert context.p_order == pytest.approx(40.5 / 400)
    assert replace(context, horizon_days=56).p_order == pytest.approx(1 - (1 - 40.5 / 400) ** 2)
    assert context.usual_basket == 20.0
    for firsts in (None, FIRST_ORDERS.model_copy(update={"people": 99})):  # of too few nobody can say how often it would be given away
        products = browsing.live.catalogue.products.model_copy(update={"first_orders": firsts})
        live = replace(browsing.live, catalogue=Catalogue(products, browsing.live.catalogue.assumptions))
        assert CustomerContext(live, browsing.now, customer).p_order is None


def test_recommendations_follow_what_was_looked_at(client: TestClient, browsing: Services) -> None:
    theirs = answered(client, "/v1/recommendations", customer_id=LOOKS, limit=8)
    anybodys = answered(client, "/v1/recommendations", customer_id="nobody-we-know", limit=8)
    assert theirs["personalized"]
    ids = [item["product_id"] for item in theirs["items"]]
    assert ids != [item["product_id"] for item in anybodys["items"]]
    assert all(item["probability"] is None and item["score"] is not None for item in theirs["items"])
    items = browsing.live.models.items
    customer = browsing.live.reader.read(LOOKS)
    assert items is not None
    assert customer is not None
    # What was looked at is new to them as everything else: no repeat purchase is assumed.
    repeats = items.logits(replace(customer.looked, orders=1))
    places, _ = items.positions_of(list(LOOKED_AT))
    assert (items.logits(customer.looked)[places] != repeats[places]).all()
    assert not set(LOOKED_AT) & {*customer.recent.product_ids.tolist()}


def test_the_cart_counts_beside_the_looks(client: TestClient) -> None:
    told = answered(client, "/v1/recommendations", customer_id=LOOKS, limit=8, cart=["p30"])
    alone = answered(client, "/v1/recommendations", customer_id=LOOKS, limit=8)
    assert "p30" not in {item["product_id"] for item in told["items"]}
    assert [item["score"] for item in told["items"]] != [item["score"] for item in alone["items"]]


def test_scores_of_everybody_hold_them_with_empty_cells_and_audiences_leave_them_out(browsing: Services, tmp_path: Path) -> None:
    assert score_all(browsing, tmp_path / "scores.csv") == len(CUSTOMERS) + 2
    with (tmp_path / "scores.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["customer_id"]: row for row in csv.DictReader(file)}
    looks = rows[LOOKS]
    assert (looks["stage"], looks["layer"], looks["churn_probability_28d"], looks["predicted_clv"]) == ("interested", "", "", "")
    assert float(looks["channel_churn_probability_28d"]) > 0
    assert looks["currency"] == rows[CUSTOMERS[0]]["currency"] != ""
    write_at_risk_audience(browsing, horizon=28, size=1000, holdout=0.0, seed=1, out=tmp_path / "audience.csv")
    assert LOOKS not in (tmp_path / "audience.csv").read_text(encoding="utf-8")


def test_scores_of_everybody_know_who_answered_a_keyword(data_dir: Path, tmp_path: Path) -> None:
    shop = Path(shutil.copytree(data_dir, tmp_path / "data"))
    tag = Block(TAGS.hash, AS_OF, ("need:serum",), np.array([[1.0]]))
    connection = sqlite3.connect(current_folder(shop / "online", remedy="") / DATABASE)
    with connection:
        statement = f'UPDATE "{PROJECT}_{VIEW}" SET value = ? WHERE entity_key = ? AND feature_name = ?'  # noqa: S608 - constants only
        assert connection.execute(statement, (feast_bytes(tag.pack()), entity_key(FOLLOWS), "tags")).rowcount == 1
    connection.close()
    score_all(build_services(ServingSettings(data_dir=shop)), tmp_path / "scores.csv")
    with (tmp_path / "scores.csv").open(encoding="utf-8", newline="") as file:
        stages = {row["customer_id"]: row["stage"] for row in csv.DictReader(file)}
    assert stages[FOLLOWS] == "interested"


def test_scores_are_the_same_in_blocks_of_any_size(browsing: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    score_all(browsing, tmp_path / "whole.csv")
    monkeypatch.setattr("serving.campaigns.scores.BLOCK", 7)
    score_all(browsing, tmp_path / "blocks.csv")
    assert (tmp_path / "blocks.csv").read_text(encoding="utf-8") == (tmp_path / "whole.csv").read_text(encoding="utf-8")


def test_for_leaving_the_channel_they_are_taken_for_new_buyers(browsing: Services) -> None:
    never, buyer = vector_of(looked=True), browsing.live.reader.read(CUSTOMERS[0])
    assert buyer is not None
    stored = np.vstack([never, buyer.vector])
    made = as_new_buyers(stored)
    np.testing.assert_array_equal(made[1], buyer.vector)
    assert math.isnan(never[_COLUMN["days_since_last_order"]])
    assert [made[0, _COLUMN[name]] for name in ("order_count", "days_since_last_order", "order_days_last_7d")] == [1.0, 0.0, 1.0]
    same = made[0, _COLUMN["product_views_decayed_28d"]], made[0, _COLUMN["amount_decayed_28d"]]
    assert same == (never[_COLUMN["product_views_decayed_28d"]], 0.0)
    first, second = channel_probabilities(browsing.live, np.vstack([never, made[0]]), [28])
    assert first == second


@pytest.mark.parametrize(
    ("feature", "value", "interested"),
    [
        ("days_since_last_product_view", 28.0, True),
        ("days_since_last_product_view", 28.01, False),
        ("days_since_last_cart", 3.0, True),
        ("days_since_last_need", 3.0, True),
        ("searches_decayed_28d", math.exp(-28 / 28), True),
        ("searches_decayed_28d", math.exp(-28.1 / 28), False),
        ("try_ons_decayed_112d", math.exp(-27 / 112), True),
        ("days_since_last_content_view", 1.0, False),
        ("days_since_last_message_opened", 1.0, False),
    ],
)
def test_interest_is_looking_searching_and_trying_lately(browsing: Services, feature: str, value: float, interested: bool) -> None:
    customer = browsing.live.reader.read(FOLLOWS)
    assert customer is not None
    vector = customer.vector.copy()
    vector[_COLUMN[feature]] = value
    assert is_interested(replace(customer, vector=vector), 28) is interested


@pytest.mark.parametrize(("label", "days", "interested"), [("tag:dry", 3.0, True), ("tag:dry", 29.0, False), ("tier:gold", 1.0, False)])
def test_an_answer_to_a_keyword_is_interest(browsing: Services, label: str, days: float, interested: bool) -> None:
    customer = browsing.live.reader.read(FOLLOWS)
    assert customer is not None
    assert is_interested(replace(customer, tags={label: days}), 28) is interested
