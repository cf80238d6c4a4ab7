from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from features.errors import StateMissing
from features.freshness import Followed, write_followed
from features.ledger import erasing
from features.ledger.decision_spool import DecisionSpool
from features.ledger.decisions import Decided, known_decisions, record_decisions
from features.ledger.errors import LedgerAway
from features.ledger.events import Event
from features.ledger.marks import Marks
from features.store import DATABASE
from features.versions import current_folder
from serving.app import create_app
from serving.errors import ClockBehind
from serving.ledger_watch import Lag
from serving.services import Services, build_services
from serving.settings import ServingSettings
from tests.serving.small_shop import AS_OF, promote, write_items, write_online


def test_the_clock_is_the_stores_unless_it_is_set(services: Services, small_shop: Path) -> None:
    assert services.now == AS_OF
    later = AS_OF + timedelta(days=20)
    aged = build_services(ServingSettings(data_dir=small_shop, now=later))
    assert aged.now == later
    assert aged.feature_age_days == pytest.approx(20)
    assert set(aged.problems()) == {"features"} == set(aged.degraded())
    assert not services.problems()


def test_a_naive_clock_is_utc() -> None:
    assert ServingSettings(now=datetime(2024, 1, 1)).now == datetime(2024, 1, 1, tzinfo=UTC)  # noqa: DTZ001 - that is the case


def test_without_a_build_there_is_nothing_to_serve(tmp_path: Path) -> None:
    with pytest.raises(StateMissing, match="huitou build"):
        build_services(ServingSettings(data_dir=tmp_path))


def test_a_clock_before_the_build_is_refused(small_shop: Path) -> None:
    with pytest.raises(ClockBehind, match="set a later clock, or run `huitou build`"):
        build_services(ServingSettings(data_dir=small_shop, now=AS_OF - timedelta(seconds=1)))
    assert build_services(ServingSettings(data_dir=small_shop, now=AS_OF)).now == AS_OF


def test_takes_over_a_new_build_and_new_models_at_once(own_shop: Path) -> None:
    services = build_services(ServingSettings(data_dir=own_shop))
    before = services.live
    assert not services.reload_if_changed()
    assert services.live is before
    write_online(own_shop, seed=9, as_of=AS_OF + timedelta(days=7))
    promote(own_shop, "items", write_items(own_shop / "fitted" / "items-2", seed=8), version="2")
    assert services.reload_if_changed()
    assert services.live.as_of == services.now == AS_OF + timedelta(days=7)
    assert services.live.models.versions["items"] == "2-0a1b2c3d"
    assert before.as_of == AS_OF, "a request under way keeps its state"
    assert before.reader.read("c000") is not None
    assert services.roll_back()
    assert services.live.models.versions["items"] == "1-0a1b2c3d"
    assert services.live.as_of == AS_OF + timedelta(days=7)
    assert services.roll_back(), "back and forth"


def test_a_broken_build_does_not_displace_what_answers(own_shop: Path) -> None:
    services = build_services(ServingSettings(data_dir=own_shop))
    before = services.live
    write_online(own_shop, seed=9)
    folder = current_folder(own_shop / "online", remedy="")
    (folder / "products.json").write_text("{}")
    assert not services.reload_if_changed()
    assert services.live is before
    assert "products.json" in services.problems()["build"]
    shutil.rmtree(folder)
    assert not services.reload_if_changed()
    assert services.live is before
    write_online(own_shop, seed=10)
    assert services.reload_if_changed()
    assert "build" not in services.problems()


def looked(message_id: str, at: datetime) -> Event:
    return Event(message_id, "cart_viewed", "c000", at, "test", "{}")


def test_the_clock_goes_on_with_what_happens(own_shop: Path) -> None:
    services = build_services(ServingSettings(data_dir=own_shop))
    later = AS_OF + timedelta(hours=5)
    services.ledger.append([looked("m1", later), looked("m2", AS_OF)])
    assert services.now == AS_OF
    services.follow()
    assert services.now == later
    assert build_services(ServingSettings(data_dir=own_shop)).now == later
    fixed = AS_OF + timedelta(days=1)
    assert build_services(ServingSettings(data_dir=own_shop, now=fixed)).now == fixed


def test_a_policy_that_changed_while_the_ledger_was_away_comes_into_force(own_shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    services = build_services(ServingSettings(data_dir=own_shop))
    sent = dict.fromkeys(services.outbound_channels, [(services.now, 1.0)] * 40)
    services.engine.messages.began_with(sent)

    def away() -> None:
        raise LedgerAway("The ledger is away.")

    with monkeypatch.context() as patched:
        patched.setattr(services.watch, "look", away)
        (own_shop / "policy.toml").write_text('name = "another"\n', encoding="utf-8")
        with pytest.raises(LedgerAway):
            services.follow()
    assert services.live.policy.name != "another"
    assert services.follow()
    assert services.live.policy.name == "another"
    assert {services.engine.messages.mean(channel, services.now) for channel in sent} == {None}, "of the policy before"
    assert not services.follow()
    services.ledger.close()


def test_says_how_far_behind_the_features_are(own_shop: Path) -> None:
    services = build_services(ServingSettings(data_dir=own_shop, behind_after_seconds=0.000001))
    assert services.lag() is None, "the store does not say what it knows"
    folder = current_folder(own_shop / "online", remedy="")
    with closing(sqlite3.connect(folder / DATABASE)) as connection, connection:
        write_followed(connection, Followed(0, Marks(), AS_OF))
    assert services.lag() == Lag(0, 0.0)
    services.ledger.append([looked("m1", AS_OF), looked("m2", AS_OF)])
    lag = services.lag()
    assert lag is not None
    assert lag.events == 2
    assert "2 events wait" in services.problems()["freshness"]


def test_a_clock_before_refreshed_customers_is_refused(own_shop: Path) -> None:
    folder = current_folder(own_shop / "online", remedy="")
    with closing(sqlite3.connect(folder / DATABASE)) as connection, connection:
        write_followed(connection, Followed(3, Marks(), AS_OF + timedelta(hours=2)))
    with pytest.raises(ClockBehind, match="set a later clock"):
        build_services(ServingSettings(data_dir=own_shop, now=AS_OF + timedelta(hours=1)))


def test_decisions_that_a_killed_service_left_are_recorded_but_not_of_whom_was_erased_since(own_shop: Path) -> None:
    services = build_services(ServingSettings(data_dir=own_shop))
    left = DecisionSpool(own_shop, limit_bytes=1_000_000)
    at = services.ledger.clock()
    left.append([Decided("d1", "c001", at, "{}"), Decided("d2", "c002", at, "{}"), Decided("d3", None, at, "{}")])
    left.close()
    erasing.begin(services.ledger, "c001", actor="test")
    with services.ledger.database.writing() as connection:
        record_decisions(connection, [Decided("d3", None, at, "{}")])  # committed just before the kill
    assert services.decisions.resume() == 3
    services.decisions.close()
    with services.ledger.database.reading() as connection:
        assert known_decisions(connection, ["d1", "d2", "d3"]) == {"d2", "d3"}
    assert not list(own_shop.rglob("*.spool"))
    services.ledger.close()


def test_a_machine_clock_that_jumps_changes_no_answer_and_loses_no_decision(own_shop: Path) -> None:
    services = build_services(ServingSettings(data_dir=own_shop))
    moments = [AS_OF + timedelta(hours=jump) for jump in (0, -30, 24 * 400, 1)]
    services.ledger = replace(services.ledger, clock=lambda: moments[0])
    answers: list[str] = []
    with TestClient(create_app(services.settings, services)) as client:
        for _ in range(4):
            told = client.post("/v1/next-best-offers", json={"customer_id": "c001", "channel": "web"}).json()
            answers.append(told["decision_id"])
            assert not told["degraded_reasons"]
            assert services.now == AS_OF, "what is decided by is the shop's clock, not the machine's"
            moments.append(moments.pop(0))
    with services.ledger.database.reading() as connection:
        assert known_decisions(connection, answers) == set(answers)
    services.ledger.close()
