"""Whatever happens, the log names nobody and holds no key: also where somebody is unknown, a body odd, a key wrong or a row damaged."""

from __future__ import annotations

import json
import logging
import sqlite3
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from features.feast_bytes import PROJECT, VIEW, entity_key
from features.store import DATABASE
from features.versions import current_folder
from serving.access.scopes import Scope
from serving.app import create_app
from serving.settings import ServingSettings
from tests.serving.keyed_shop import add_key, add_keys, basic, bearer
from tests.serving.small_shop import CUSTOMERS

STRANGER = "somebody-nobody-knows-4711"
WRITE_KEY = "a-write-key-of-the-shop"
KNOWN, DAMAGED = CUSTOMERS[0], CUSTOMERS[1]


def damage(folder: Path, customer: str) -> None:
    """Cut the customer's packed rows short."""
    with sqlite3.connect(folder / DATABASE) as connection:
        connection.execute(
            f'UPDATE "{PROJECT}_{VIEW}" SET value = substr(value, 1, 9) WHERE entity_key = ?',  # noqa: S608
            (entity_key(customer),),
        )


def test_the_log_holds_no_key(own_shop: Path, caplog: pytest.LogCaptureFixture) -> None:
    keys = [*add_keys(own_shop).values(), add_key(own_shop, "slow", Scope.INGEST, per_second=0.001), "huitou_wrong-key-4711"]
    caplog.set_level(logging.DEBUG)
    with TestClient(
        create_app(ServingSettings(data_dir=own_shop, write_keys=SecretStr(WRITE_KEY))), raise_server_exceptions=False
    ) as client:
        answers = []
        for key in (*keys, WRITE_KEY):
            for headers in (bearer(key), basic(key), {"authorization": key}, {"authorization": f"Basic {key}"}):
                answers += [
                    client.post("/v1/events", json=[], headers=headers),
                    client.post("/v1/recommendations", content=b"{", headers=headers),
                ]
            answers += [
                client.post("/v1/events", json={"batch": [{"userId": 1}], "writeKey": key}),
                client.get("/readyz", headers=bearer(key)),
            ]
        said = " ".join([*(record.getMessage() + (record.exc_text or "") for record in own(caplog)), *(answer.text for answer in answers)])
        said += repr(client.app.state.services) + repr(client.app.state.services.access)  # type: ignore[attr-defined]
    assert {answer.status_code for answer in answers} == {200, 401, 403, 422, 429}
    for key in (*keys, WRITE_KEY):
        assert key not in said
        assert key[-16:] not in said


def own(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What this test's own client says of its requests is not the service's log."""
    return [record for record in caplog.records if not record.name.startswith("httpx")]


def test_the_log_names_nobody(own_shop: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    # Other libraries' migrations, run by other tests in this process, switch loggers off and set levels of their own.
    monkeypatch.setattr(logging.getLogger("sqlalchemy.engine.Engine"), "disabled", False)
    damage(current_folder(own_shop / "online", remedy=""), DAMAGED)
    caplog.set_level(logging.DEBUG)
    for name in ("sqlalchemy", "sqlalchemy.engine", "sqlalchemy.engine.Engine"):
        caplog.set_level(logging.INFO, name)  # statements, as somebody looks for a slow one
    with TestClient(create_app(ServingSettings(data_dir=own_shop)), raise_server_exceptions=False) as client:
        for who in (KNOWN, DAMAGED, STRANGER):
            order = {"order_id": "1", "products": [{"product_id": "p01"}]}
            message = {
                "type": "track",
                "event": "Order Completed",
                "messageId": f"m-{who}",
                "userId": who,
                "timestamp": "2024-06-30T13:00:00Z",
            }
            asked = [
                client.post("/v1/events", json={**message, "properties": order}),
                client.post("/v1/events", json={**message, "properties": {}}),
                client.post("/v1/next-best-offers", json={"customer_id": who, "channel": "email", "explain": True}),
                client.post("/v1/recommendations", json={"customer_id": who}),
                client.get(f"/v1/customers/{who}"),
                client.get(f"/v1/customers/{who}/scores"),
                client.get(f"/v1/customers/{who}/consents"),
                client.put("/v1/consents", json={"items": [{"customer_id": who, "purpose": "marketing", "state": "withdrawn"}]}),
                client.get(f"/v1/customers/{who}/data"),
                client.delete(f"/v1/customers/{who}"),
            ]
            assert {answer.status_code for answer in asked} <= {200, 202, 404, 503}
    told = own(caplog)
    assert {record.name.split(".")[0] for record in told} >= {"sqlalchemy"}
    for record in told:
        said = json.dumps([record.getMessage(), str(record.exc_info and record.exc_info[1]), record.exc_text or ""])
        assert not any(who in said for who in (KNOWN, DAMAGED, STRANGER)), (record.name, said)
