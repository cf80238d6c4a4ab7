"""`POST /v1/events` and its sisters on both databases: a clear answer to everything, and nothing else harmed."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert

from features.ledger import events as ledger_events
from features.ledger import identities
from features.ledger.events import StoredEvent
from features.ledger.tombstones import TOMBSTONES, pseudonym, pseudonym_key
from serving.services import Services
from tests.serving.api.conftest import Serve

JSON_TYPE = {"content-type": "application/json"}


def track(message_id: str = "m1", **changed: Any) -> dict[str, Any]:
    told = {"type": "track", "event": "Product Viewed", "messageId": message_id, "userId": "c1", "properties": {"product_id": "p1"}}
    return {**told, **changed}


def services_of(client: TestClient) -> Services:
    found: Services = client.app.state.services  # type: ignore[attr-defined]
    return found


def kept(client: TestClient) -> list[StoredEvent]:
    with services_of(client).ledger.database.reading() as connection:
        return ledger_events.read(connection)


def send(client: TestClient, body: object, path: str = "/v1/events", **headers: str) -> dict[str, Any]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = client.post(path, content=content, headers={**JSON_TYPE, **{k.replace("_", "-"): v for k, v in headers.items()}})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["success"] is True
    return found


def counts(answer: dict[str, Any]) -> tuple[int, int, int, int]:
    return answer["accepted"], answer["duplicates"], answer["erased"], answer["refused"]


def test_every_form_is_understood(taking: TestClient) -> None:
    cloud = {"specversion": "1.0", "id": "1", "source": "/web", "type": "cart_viewed", "subject": "c1"}
    assert counts(send(taking, track("a"))) == (1, 0, 0, 0)
    assert counts(send(taking, [track("b"), track("c")])) == (2, 0, 0, 0)
    assert counts(send(taking, {"batch": [track("d")], "sentAt": "now"})) == (1, 0, 0, 0)
    assert counts(send(taking, {"batch": [track("e")]}, "/v1/batch")) == (1, 0, 0, 0)
    assert counts(send(taking, cloud)) == (1, 0, 0, 0)
    assert counts(send(taking, cloud, content_type="application/cloudevents+json; charset=utf-8")) == (0, 1, 0, 0)
    assert counts(send(taking, [cloud, {**cloud, "id": "2"}], content_type="application/cloudevents-batch+json")) == (1, 1, 0, 0)
    binary = {"ce-specversion": "1.0", "ce-id": "3", "ce-source": "/web", "ce-type": "cart_viewed", "ce-subject": "%E9%A1%BE%E5%AE%A2"}
    assert counts(send(taking, b"", **binary)) == (1, 0, 0, 0)
    assert counts(send(taking, {"product_id": "p"}, **{**binary, "ce-id": "4", "ce-type": "product_viewed"})) == (1, 0, 0, 0)
    assert counts(send(taking, [])) == counts(send(taking, {"batch": []})) == (0, 0, 0, 0)
    assert [e.message_id for e in kept(taking)] == ["a", "b", "c", "d", "e", "/web#1", "/web#2", "/web#3", "/web#4"]
    assert kept(taking)[-1].recorded_as == "顾客"


def test_the_single_routes_say_the_type_in_their_path(taking: TestClient) -> None:
    bare = {"messageId": "x", "userId": "c1"}
    for path, more in {
        "track": {"event": "Cart Viewed"},
        "identify": {"traits": {"plan": "gold"}},
        "alias": {"previousId": "card"},
        "page": {},
        "screen": {},
        "group": {},
    }.items():
        assert counts(send(taking, {**bare, **more, "messageId": path}, f"/v1/{path}")) == (1, 0, 0, 0)
    assert [e.kind for e in kept(taking)] == ["cart_viewed", "identified", "other", "other", "other", "other"]


def test_a_bad_event_comes_back_with_its_place_and_the_good_ones_stay(taking: TestClient) -> None:
    answer = send(taking, [track("a"), track("b", properties={}), 7, track("a"), track("c", timestamp="1970-01-01T00:00:00Z"), track("d")])
    assert counts(answer) == (2, 1, 0, 3)
    told = {m["index"]: (m["status"], m.get("message_id"), m.get("field")) for m in answer["messages"]}
    assert told == {
        1: ("refused", "b", "properties.product_id"),
        2: ("refused", None, "event"),
        3: ("duplicate", "a", None),
        4: ("refused", "c", "timestamp"),
    }
    assert all(m["reason"] for m in answer["messages"] if m["status"] == "refused")
    assert [e.message_id for e in kept(taking)] == ["a", "d"]


NASTY: list[tuple[str, object]] = [
    ("properties", track(properties={"product_id": "p", "x": "y" * 5_000_000})),
    ("properties", track(properties={"product_id": "p", "x": "\0"})),
    ("properties", track(properties={"product_id": "p", "x": "\ud800"})),
    ("properties", track(properties={"product_id": "p", "\udfff": 1})),
    ("properties", b'{"type":"track","event":"Odd","messageId":"m","userId":"c","properties":{"x":NaN}}'),
    ("properties", b'{"type":"track","event":"Odd","messageId":"m","userId":"c","properties":{"x":-Infinity}}'),
    ("properties", b'{"type":"track","event":"Odd","messageId":"m","userId":"c","properties":{"x":' + b"[" * 200 + b"]" * 200 + b"}}"),
    ("timestamp", track(timestamp="1970-01-01T00:00:00Z")),
    ("timestamp", track(timestamp="2100-01-01T00:00:00Z")),
    ("timestamp", track(timestamp="0001-01-01T00:00:00+14:00")),
    ("timestamp", track(timestamp=2**70)),
    ("timestamp", track(timestamp=0)),
    ("messageId", track("x" * 10_000)),
    ("messageId", track("a\0b")),
    ("messageId", track("\ud83d")),
    ("messageId", track("")),
    ("userId", track(userId="u" * 10_000)),
    ("userId", track(userId="a\0")),
    ("userId", track(userId="\ud83d")),
    ("type", track(type="\ud83d")),
    ("event", track(event="e" * 10_000)),
    ("event", track(event="\ud83d")),
    ("id", {"specversion": "1.0", "id": "a\0", "source": "/x", "type": "t", "subject": "c"}),
    ("properties", {"specversion": "1.0", "id": "a", "source": "/x", "type": "t", "subject": "c", "data": {"\ud800": 1}}),
    ("event", None),
    ("event", "text"),
    ("event", []),
    ("event", 10**400),
]


def test_every_nasty_event_gets_a_reason_and_harms_no_other(taking: TestClient) -> None:
    for number, (field, nasty) in enumerate(NASTY):
        raw = nasty if isinstance(nasty, bytes) else json.dumps(nasty).encode()
        good = [json.dumps(track(f"good-{number}-{i}")).encode() for i in range(2)]
        answer = send(taking, b"[" + good[0] + b"," + raw + b"," + good[1] + b"]")
        assert counts(answer) == (2, 0, 0, 1), nasty
        (told,) = answer["messages"]
        assert (told["index"], told["status"]) == (1, "refused")
        assert told["field"] == field
        assert told["reason"]
        assert len(told.get("message_id") or "") <= 200
    assert len(kept(taking)) == 2 * len(NASTY)


LAWFUL: list[dict[str, Any]] = [
    track(event="'; DROP TABLE events; --", properties={"q": "' OR 1=1", "\\u0000": "\\u0000", "n": 10**60, "f": 1e308}),
    track(userId=2**80),
    track(userId="👩‍👩‍👧‍👦" * 10),
    track(properties={"product_id": 2**70}),
    track(properties={"product_id": "p", "list": list(range(10_000))}),
    track(timestamp=1_500_000_000),
    track(context={"x": "\0\ud800", "deep": [[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]}),  # not kept, so not looked at
]


def test_what_is_odd_but_lawful_is_kept_as_sent(taking: TestClient) -> None:
    told = [{**one, "messageId": str(i)} for i, one in enumerate(LAWFUL)]
    assert counts(send(taking, told)) == (len(told), 0, 0, 0)
    found = kept(taking)
    assert [e.recorded_as for e in found] == [str(one["userId"]) for one in told]
    for event, one in zip(found, told, strict=True):
        assert one["properties"].items() <= json.loads(event.properties).items()


WHOLE: list[tuple[int, str, bytes, dict[str, str]]] = [
    (400, "body-malformed", b"", {}),
    (400, "body-malformed", b"{", {}),
    (400, "body-malformed", b"\xff\xfe{}", {}),
    (400, "body-malformed", b'{"messageId":"\xc3\x28"}', {}),
    (400, "body-malformed", b"7", {}),
    (400, "body-malformed", b"null", {}),
    (400, "body-malformed", b'"text"', {}),
    (400, "body-malformed", b"[" * 200_000, {}),
    (400, "body-malformed", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, {}),
    (400, "body-malformed", b"[" + b"9" * 5_000 + b"]", {}),
    (400, "body-malformed", b"{}", {"content-type": "application/cloudevents-batch+json"}),
    (400, "body-malformed", b"[]", {"content-type": "application/cloudevents+json"}),
    (400, "body-malformed", b"{}", {"content-encoding": "gzip"}),
    (400, "body-malformed", gzip.compress(b"[]")[:-4], {"content-encoding": "gzip"}),
    (400, "body-malformed", gzip.compress(b"[]") * 2, {"content-encoding": "gzip"}),
    (400, "body-malformed", gzip.compress(b"\xff"), {"content-encoding": "gzip"}),
    (413, "body-too-large", gzip.compress(b" " * 50_000_000), {"content-encoding": "gzip"}),
    (413, "body-too-large", b" " * 16_777_217, {}),
    (413, "body-too-large", json.dumps([{}] * 1001).encode(), {}),
    (415, "encoding-unknown", b"[]", {"content-encoding": "br"}),
]


def test_a_body_that_cannot_be_read_is_one_problem(taking: TestClient) -> None:
    for status, name, content, headers in WHOLE:
        answer = taking.post("/v1/events", content=content, headers={**JSON_TYPE, **headers})
        assert (answer.status_code, answer.json()["type"]) == (status, f"urn:huitou:problem:{name}"), content[:40]
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"].endswith(".")
        assert len(answer.json()["detail"]) < 300
    assert kept(taking) == []
    assert counts(send(taking, gzip.compress(json.dumps([track()] * 1000).encode()), content_encoding="gzip")) == (1, 999, 0, 0)


def test_the_events_of_a_time_before_an_erasure_are_not_kept(taking: TestClient) -> None:
    now = datetime.now(UTC)
    with services_of(taking).ledger.database.writing() as connection:
        connection.execute(insert(TOMBSTONES).values(subject_hash=pseudonym(pseudonym_key(connection), "c1"), erased_at=now))
    old, new = (now - timedelta(days=1)).isoformat(), (now + timedelta(minutes=1)).isoformat()
    told = [track("a", timestamp=old), track("b", timestamp=new), track("c", userId="c2", timestamp=old)]
    answer = send(taking, [*told, track("d", type="alias", previousId="card", timestamp=old)])
    assert counts(answer) == (2, 0, 2, 0)
    assert [(m["index"], m["status"]) for m in answer["messages"]] == [(0, "erased"), (3, "erased")]
    with services_of(taking).ledger.database.reading() as connection:
        assert identities.resolve(connection, "card") == "card"


def identify(message_id: str, user: str, anonymous: str) -> dict[str, Any]:
    return {"type": "identify", "messageId": message_id, "userId": user, "anonymousId": anonymous}


def alias(message_id: str, user: str, previous: str) -> dict[str, Any]:
    return {"type": "alias", "messageId": message_id, "userId": user, "previousId": previous}


def resolved(client: TestClient, *ids: str) -> list[str]:
    with services_of(client).ledger.database.reading() as connection:
        return [identities.resolve(connection, one) for one in ids]


def test_identify_and_alias_link(taking: TestClient) -> None:
    answer = send(taking, [identify("i1", "c1", "d1"), alias("a1", "c1", "card"), identify("i2", "c2", "d1"), alias("a2", "c2", "card")])
    assert counts(answer) == (3, 0, 0, 1)
    remarks = {m["index"]: (m["status"], m["field"]) for m in answer["messages"]}
    assert remarks == {2: ("accepted", "anonymousId"), 3: ("refused", "previousId")}
    assert all("another customer" in m["reason"] for m in answer["messages"])
    assert resolved(taking, "anonymous:d1", "card") == ["c1", "c1"]
    assert [e.message_id for e in kept(taking)] == ["i1", "i2", "a1"]


def test_a_repeat_does_not_bring_back_a_link_that_was_undone(taking: TestClient) -> None:
    told = [identify("i1", "c1", "d1"), alias("a1", "c1", "card")]
    send(taking, told)
    for entry in taking.get("/v1/customers/c1/identities").json()["log"]:
        assert taking.delete(f"/v1/identities/{entry['link_id']}").status_code == 200
    assert counts(send(taking, told)) == (0, 2, 0, 0)
    assert resolved(taking, "anonymous:d1", "card") == ["anonymous:d1", "card"]
    send(taking, [identify("i2", "c1", "d1")])  # said anew, it counts anew
    assert resolved(taking, "anonymous:d1") == ["c1"]


def basic(key: str) -> str:
    return "Basic " + base64.b64encode(f"{key}:".encode()).decode()


def test_with_write_keys_one_is_demanded(serve_ledger: Serve) -> None:
    client = serve_ledger(write_keys="first, 第二")
    wrong: list[Callable[[], Any]] = [
        lambda: client.post("/v1/events", json=[track()]),
        lambda: client.post("/v1/events", json=[track()], headers={"authorization": basic("other")}),
        lambda: client.post("/v1/events", json=[track()], headers={"authorization": basic("")}),
        lambda: client.post("/v1/events", json=[track()], headers={"authorization": "Token first"}),
        lambda: client.post("/v1/events", json=[track()], headers={"authorization": "Basic ???"}),
        lambda: client.post("/v1/events", json={**track(), "writeKey": "first"}, headers={"authorization": basic("other")}),
        lambda: client.post("/v1/batch", json={"batch": [track()]}),
        lambda: client.post("/v1/batch", json={"batch": [track()], "writeKey": ["first"]}),
        lambda: client.post("/v1/batch", content=b'{"batch":[],"writeKey":"\\ud800"}', headers=JSON_TYPE),
    ]
    for attempt in wrong:
        answer = attempt()
        assert answer.status_code == 401
        assert answer.json()["type"] == "urn:huitou:problem:key-refused"
        assert answer.headers["www-authenticate"].startswith("Bearer ")
        assert "first" not in answer.text
    assert kept(client) == []
    for i, key in enumerate(("first", "第二")):
        assert counts(send(client, [track(f"h{i}")], authorization=basic(key))) == (1, 0, 0, 0)
        assert counts(send(client, {"batch": [track(f"b{i}")], "writeKey": key}, "/v1/batch")) == (1, 0, 0, 0)
    assert "第二" not in repr(services_of(client).settings)


def test_without_write_keys_any_or_none_is_taken(taking: TestClient) -> None:
    assert counts(send(taking, [track("a")])) == counts(send(taking, [track("b")], authorization=basic("any"))) == (1, 0, 0, 0)


def test_an_empty_write_key_would_let_everybody_in() -> None:
    from pydantic import ValidationError

    from serving.settings import ServingSettings

    for keys in ("", "a,", ",a", "a, ,b"):
        with pytest.raises(ValidationError, match="empty key"):
            ServingSettings(write_keys=keys)  # type: ignore[arg-type]
