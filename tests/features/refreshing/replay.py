"""Replays the end of the sample shop through the HTTP API, on top of a build of the days before."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from fastapi.testclient import TestClient

from features.build import build_features
from features.folding.compact import compact
from features.ledger import consents
from features.ledger.consents import ANY, State, Statement
from features.ledger.ledger import Ledger, open_ledger
from features.refreshing.following import Following, Step
from features.settings import FeatureSettings
from features.store import CustomerFeatures, open_reader
from features.versions import current_folder
from serving.app import create_app
from serving.settings import ServingSettings
from tests.conftest import import_shop
from tests.shop import sample_tables

TOLERANCE = 1e-9  # sums over one window may be added up in another order; nothing larger is forgiven
_TIMES = {
    "orders": "ordered_at",
    "order_lines": "ordered_at",
    "contacts": "sent_at",
    "redemptions": "redeemed_at",
    "refunds": "refunded_at",
    "excluded_lines": "ordered_at",
    "interactions": "occurred_at",
    "activities": "occurred_at",
}


@dataclass
class Replay:
    """A shop built up to a midnight, and what happened afterwards as events."""

    settings: FeatureSettings
    midnight: datetime
    later: dict[str, pl.DataFrame]

    @classmethod
    def of_sample(cls, folder: Path, *, days: int) -> Replay:
        """Everything but the last days imported and built below a new folder: a copy of what is made once a process."""
        made, midnight, later = _built_before(days)
        shutil.copytree(made.name, folder, dirs_exist_ok=True)
        return cls(FeatureSettings(data_dir=folder, threads=2), midnight, later)

    def orders(self) -> Iterator[dict[str, Any]]:
        """Every later order with a customer as Segment sends it."""
        lines = self.later["order_lines"].partition_by("order_id", as_dict=True)
        for order in self.later["orders"].drop_nulls("customer_id").iter_rows(named=True):
            sold = lines.get((order["order_id"],))
            if sold is not None:
                yield order_event(order["order_id"], order["customer_id"], order["ordered_at"], sold, order["store_id"])

    def post(self, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Send events to the API; every one must be accepted."""
        app = create_app(
            ServingSettings(
                data_dir=self.settings.data_dir,
                ledger_url=self.settings.ledger_url,
                online_url=self.settings.online_url,
                reload_seconds=3600,
            )
        )
        with TestClient(app) as client:
            answer = client.post("/v1/events", json=events)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["accepted"] == len(events), body
        return list(body["messages"]) if "messages" in body else []

    def agree(self, *customers: str) -> None:
        """State that people consent to everything."""
        ledger = self.ledger()
        try:
            with ledger.database.writing() as connection:
                consents.state(connection, [Statement(c, ANY, ANY, State.GRANTED, ledger.clock(), "test") for c in customers])
        finally:
            ledger.close()

    def ledger(self) -> Ledger:
        """The ledger, opened once more."""
        return open_ledger(self.settings)

    def follow(self, *, now: datetime | None = None) -> list[Step]:
        """What `huitou work --once` does; the steps that did something."""
        ledger = self.ledger()
        following = Following(self.settings, ledger, now=now)
        steps = []
        try:
            while not (step := following.step()).idle:
                steps.append(step)
        finally:
            following.close()
            ledger.close()
        return steps

    def night(self, now: datetime) -> None:
        """What cron does: fold, compose, build."""
        compact(self.settings)
        build_features(self.settings, now=now)

    def online(self) -> dict[str, CustomerFeatures]:
        """Every row of the online store."""
        reader = open_reader(current_folder(self.settings.online_dir, remedy="build"), self.settings.online_server)
        try:
            rows = {customer: reader.read(customer) for customer in reader.customer_ids()}
        finally:
            reader.close()
        return {customer: row for customer, row in rows.items() if row is not None}


@cache
def _built_before(days: int) -> tuple[tempfile.TemporaryDirectory[str], datetime, dict[str, pl.DataFrame]]:
    """The folder (removed when the process ends), the midnight that it was built up to, and what happened afterwards."""
    tables = sample_tables()
    last = tables["orders"]["ordered_at"].max()
    assert isinstance(last, datetime)
    midnight = last.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days - 1)
    before, later = dict(tables), {}
    for name, column in _TIMES.items():
        before[name] = tables[name].filter(pl.col(column) < midnight)
        later[name] = tables[name].filter(pl.col(column) >= midnight)
    folder = tempfile.TemporaryDirectory(prefix="replay-")
    build_features(import_shop(Path(folder.name), before))
    return folder, midnight, later


def order_event(order_id: str, customer: str, at: datetime, lines: pl.DataFrame, store: str | None = None) -> dict[str, Any]:
    """An order as Segment's libraries send it."""
    products = [
        {
            "product_id": line["product_id"],
            "quantity": line["quantity"],
            "price": (line["amount"] + line["discount"]) / line["quantity"],
            "discount": line["discount"],
        }
        for line in lines.iter_rows(named=True)
    ]
    return event("Order Completed", customer, at, order_id=order_id, products=products, **({} if store is None else {"affiliation": store}))


def event(name: str, customer: str, at: datetime, message_id: str | None = None, **properties: Any) -> dict[str, Any]:
    """A track call."""
    return {
        "type": "track",
        "event": name,
        "messageId": message_id or f"{name}-{customer}-{at.isoformat()}-{properties.get('order_id', '')}",
        "userId": customer,
        "timestamp": at.isoformat(),
        "properties": properties,
    }


def assert_same(found: CustomerFeatures, expected: CustomerFeatures) -> None:
    """Every feature of a customer, by both ways."""
    assert found.as_of == expected.as_of
    np.testing.assert_allclose(found.vector, expected.vector, rtol=TOLERANCE, atol=TOLERANCE, err_msg=found.customer_id)
    assert found.categories == expected.categories
    np.testing.assert_allclose(
        found.category_features, expected.category_features, rtol=TOLERANCE, atol=TOLERANCE, err_msg=found.customer_id
    )
    for ours, theirs in ((found.recent, expected.recent), (found.looked, expected.looked)):
        assert ours.product_ids.tolist() == theirs.product_ids.tolist()
        np.testing.assert_array_equal(ours.purchases, theirs.purchases)
        np.testing.assert_array_equal(ours.days_since_last, theirs.days_since_last)
        assert ours.orders == theirs.orders
    assert list(found.tags.items()) == list(expected.tags.items())
    assert found.facts == expected.facts
