"""The direct route answers as the framework's does, byte for byte but for the decision's id."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from features.decisions.record import DecisionRecord
from serving.api import direct_route
from serving.api.answer_text import answer_text
from serving.api.next_best_offers import PATH, decide
from serving.api.next_best_offers_schemas import NextBestOffersRequest
from serving.api.offer_views import answer_of
from serving.permissions import Permitted
from serving.services import Services
from tests.serving.small_shop import CUSTOMERS

BODIES: list[Any] = [
    {"customer_id": "c001", "channel": "email"},
    {"customer_id": "c002", "channel": "web", "limit": 5},
    {"customer_id": "c003", "channel": "email", "explain": True},
    {"customer_id": "c004", "channel": "web", "personalized": False},
    {"customer_id": "c005", "cart": ["p01", "p02"], "channel": "web"},
    {"customer_id": "nobody-knows", "channel": "web"},
    {"anonymous_id": "device", "limit": 2},
    {"customer_id": 'a"b\\c', "channel": "web", "scenario": "x" * 64, "context": {"a": None, "b": 1.5}},
    {},
    {"customer_id": ""},
    {"customer_id": "c001", "limit": 0},
    {"customer_id": "c001", "limit": True},
    {"customer_id": "c001", "limit": 3.0},
    {"customer_id": "c001", "limit": "3"},
    {"customer_id": "c001", "explain": 1},
    {"customer_id": "c001", "unknown": 1},
    {"customer_id": 7},
    [],
    None,
    "text",
]
TEXTS = [b"", b"{", b'{"customer_id": "c001", "limit": NaN}', b"[" * 5000, b"\xff\xfe", b'{"limit": 1, "limit": 2}', b'{"cart": null}']


def asked(client: TestClient, body: bytes, kind: str) -> tuple[int, dict[str, str], Any]:
    answer = client.post(PATH, content=body, headers={"content-type": kind})
    told = answer.json()
    if isinstance(told, dict):
        told.pop("decision_id", None)
    head = {name: value for name, value in answer.headers.items() if name not in {"content-length", "date"}}
    return answer.status_code, head, told


@pytest.fixture
def passed_on(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each request was answered directly."""
    seen: list[bool] = []
    before = direct_route._validated

    def watched(message: Any) -> NextBestOffersRequest | None:
        found = before(message)
        seen.append(found is not None)
        return found

    monkeypatch.setattr(direct_route, "_validated", watched)
    return seen


@pytest.mark.parametrize("body", [*(json.dumps(one).encode() for one in BODIES), *TEXTS])
def test_both_routes_answer_alike(client: TestClient, passed_on: list[bool], body: bytes) -> None:
    direct = asked(client, body, "application/json")
    assert len(passed_on) == 1
    plain = asked(client, body, "application/json; charset=UTF-8")  # a form that the direct route leaves to the framework
    assert len(passed_on) == 1
    assert passed_on == [direct[0] == 200]
    assert direct == plain


@pytest.mark.parametrize(
    "body",
    [
        b'\xef\xbb\xbf{"customer_id": "c001"}',
        '{"customer_id": "c001"}'.encode("utf-16"),
        b'{"customer_id": "c001", "customer_id": "c002"}',
        b'{"context": {"a": 1, "a": 2.5}, "limit": 2}',
        b'{"context": {"a": 1e400, "b": -Infinity, "c": NaN, "d": 12345678901234567890123}}',
        b'{"context": {"a": ' + b"9" * 5000 + b"}}",
        b'{"context": {"a": {"b": 1}}}',
        b'{"customer_id": "\\ud800"}',
        b'{"customer_id": "\\ud83d\\ude00"}',
        b'{"customer_id": "tab\there"}',
        b'{"cart": {"p01": 1}}',
        b'{"cart": ["p01", 7]}',
        b'{"limit": 3.0000000000000001}',
        b'{"limit": 1E0}',
        b'{"limit": 00}',
        b' {"customer_id": "c001"} ',
        b'{"customer_id": "c001"} {}',
        b'{"customer_id": "c001",}',
        b"{'customer_id': 'c001'}",
    ],
)
def test_what_parsers_read_differently_is_answered_alike(client: TestClient, body: bytes) -> None:
    assert asked(client, body, "application/json") == asked(client, body, "application/json; charset=UTF-8")


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6), lambda more: st.lists(more, max_size=3), max_leaves=4
)
_FIELDS = st.sampled_from([*NextBestOffersRequest.model_fields, "other"])


@given(st.dictionaries(_FIELDS, _VALUES | st.dictionaries(st.text(max_size=4), _VALUES, max_size=3), max_size=5))
def test_a_question_is_read_as_the_framework_reads_it(told: dict[str, Any]) -> None:
    body = json.dumps(told).encode()
    try:
        expected = NextBestOffersRequest.model_validate(json.loads(body))
    except ValidationError:
        expected = None
    found = direct_route.read_question(body)
    assert (found is None) == (expected is None)
    assert found is None or expected is None or repr(found) == repr(expected)


def test_what_is_no_json_by_its_own_words_is_the_frameworks(client: TestClient, passed_on: list[bool]) -> None:
    for kind in ("text/plain", "application/vnd.api+json"):
        client.post(PATH, content=b'{"customer_id": "c001"}', headers={"content-type": kind})
    assert client.post(PATH, content=b'{"customer_id": "c001"}').status_code in {200, 422}
    assert client.get(PATH).status_code == 405
    assert client.put(PATH, json={}).status_code == 405
    assert passed_on == []


def test_it_is_in_openapi_and_in_the_metrics_under_its_name(client: TestClient) -> None:
    assert "post" in client.get("/openapi.json").json()["paths"][PATH]
    assert client.post(PATH, json={"customer_id": "c001"}).status_code == 200
    assert f'huitou_requests_total{{method="POST",route="{PATH}",status="200"}}' in client.get("/metrics").text


def test_the_text_is_what_the_schema_writes(services: Services) -> None:
    seen = set[str]()
    permitted = Permitted(None, personal=True, profiled=True, channels=frozenset({"email"}))
    for customer in [*CUSTOMERS[:25], None, 'quoted "decision_id":"" id']:
        for told in ({"channel": "web"}, {"channel": "email"}, {"channel": None}, {"channel": "web", "personalized": False, "limit": 1}):
            body = NextBestOffersRequest.model_validate({"customer_id": customer, "limit": 6, **told})
            whose = Permitted(customer, permitted.personal, permitted.profiled, permitted.channels)
            for _ in range(3):
                decision = decide(services, body, whose)
                text = answer_text(body, decision, decision.degraded, body.customer_id)
                assert text == answer_of(body, decision, decision.degraded).model_dump_json()
                seen.add(text.partition('"type":"')[2].partition('"')[0])
                record = DecisionRecord.model_validate_json(decision.record.model_dump_json())
                assert [one.offer_id for one in record.given] == [given.candidate.offer_id for given in decision.offers]
    assert len(seen) > 2


def test_what_was_drawn_to_find_something_out_is_not_kept(services: Services) -> None:
    body = NextBestOffersRequest(customer_id=CUSTOMERS[0], channel="web", limit=3)
    decision = decide(services, body, Permitted(CUSTOMERS[0], personal=True, profiled=True, channels=None))
    for explored, kept in ((True, False), (False, True)):
        drawn = replace(decision, choice=replace(decision.choice, explored=explored))
        decision.arbitration.told.clear()
        assert answer_text(body, drawn, {}, body.customer_id) == answer_of(body, drawn, {}).model_dump_json()
        assert any(name.startswith("offer") for name in decision.arbitration.told) == kept
