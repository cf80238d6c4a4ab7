from __future__ import annotations

from pathlib import Path

from fastapi.testclient import TestClient

from features.ledger import audit, identities
from serving.app import create_app
from serving.services import Services
from serving.settings import ServingSettings


def test_a_person_gets_everything_under_every_id_and_the_log_notes_it(own_shop: Path) -> None:
    with TestClient(create_app(ServingSettings(data_dir=own_shop))) as client:
        services: Services = client.app.state.services  # type: ignore[attr-defined]
        with services.ledger.database.writing() as connection:
            identities.link(connection, "card-9", "c010", at=services.ledger.clock(), source="test")
        properties = {"product_id": "p01", "note": "猫"}
        sent = [
            {
                "messageId": f"m{i}",
                "type": "track",
                "event": "Product Viewed",
                "userId": who,
                "properties": properties,
            }
            for i, who in enumerate(("c010", "card-9", "c011"))
        ]
        assert client.post("/v1/events", json={"batch": sent}).status_code == 200
        document = client.get("/v1/customers/card-9/data").json()
        assert document["ids"] == ["c010", "card-9"]
        assert [event["message_id"] for event in document["ledger"]["events"]] == ["m0", "m1"]
        assert document["ledger"]["events"][0]["properties"]["note"] == "猫"
        assert len(document["ledger"]["consents"]) == len(document["ledger"]["links"]) == 1
        assert document["features"]["order_count"] > 0
        assert document["scores"]["churn"]
        assert "c011" not in str(document)
        with services.ledger.database.reading() as connection:
            (entry,) = audit.newest(connection, 1)
        assert (entry.action, entry.actor) == ("customer_data_exported", "api")
        assert "c010" not in entry.detail
        assert client.get("/v1/customers/never-seen/data").json()["ledger"]["events"] == []
