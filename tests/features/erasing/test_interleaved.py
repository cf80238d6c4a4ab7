"""Somebody asks to be forgotten, and is looked for, exactly between what another command reads and what it puts in place."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest

from features import build
from features.build import build_features
from features.erasing.resuming import resume_erasures
from features.folding import compact as compaction
from features.folding import compose
from features.folding.compact import compact
from features.ledger import consents, decisions, erasing, identities
from features.ledger.consents import ANY, State, Statement
from features.ledger.decisions import Decided
from features.ledger.events import Event, Fate
from features.refreshing.following import Following
from features.settings import FeatureSettings
from features.sources.tabular import importing
from features.store import SqliteCustomerReader
from features.sweep_lock import sweeping, writing_people
from features.versions import current_folder
from tests.features.erasing.person import ALIAS, GONE, NOW, STAYS, Shop, fill, searched
from tests.features.erasing.search import places_of, tables_of

OTHER = "other-3"


def viewed(message_id: str, who: str, hours: float) -> Event:
    return Event(message_id, "product_viewed", who, NOW + timedelta(hours=hours), "test", json.dumps({"product_id": "p1", "who": who}))


def interrupt(shop: Shop, monkeypatch: pytest.MonkeyPatch, owner: object, name: str, *, who: str = GONE) -> None:
    """Before the step of that name the wish comes, and whoever carries it out comes too early."""
    whole = getattr(owner, name)
    asked: list[str] = []

    def interrupted(*arguments: Any, **named: Any) -> Any:
        if not asked:
            asked.append(erasing.begin(shop.ledger, who, actor="test").erasure_id)
            assert not any(done.finished_at for done in resume_erasures(shop.settings, shop.ledger, actor="test", wait=False))
        return whole(*arguments, **named)

    monkeypatch.setattr(owner, name, interrupted)


def online(shop: Shop, customer: str) -> object:
    reader = SqliteCustomerReader(current_folder(shop.settings.online_dir, remedy=""))
    try:
        return reader.read(customer)
    finally:
        reader.close()


def later_import(shop: Shop) -> None:
    shop.import_orders(f"o99,{STAYS},2026-02-20 10:00:00,p1,1,5")


GAPS: dict[str, tuple[ModuleType, str, Callable[[Shop], object]]] = {
    "folding": (compaction, "write_folded", lambda shop: compact(shop.settings)),
    "putting together": (compose, "_write", lambda shop: compact(shop.settings)),
    "importing": (importing, "history", later_import),
    "writing an import": (importing, "write_warehouse", later_import),
}


@pytest.mark.parametrize("gap", GAPS)
def test_what_was_read_before_the_wish_and_written_after_it_is_found(file_shop: Shop, gap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = file_shop
    fill(shop, built=False)
    assert set(shop.ledger.append([viewed("v1", GONE, -1), viewed("v2", STAYS, -1)])) == {Fate.ACCEPTED}
    owner, name, command = GAPS[gap]
    interrupt(shop, monkeypatch, owner, name)
    command(shop)
    assert places_of(shop.settings.data_dir, GONE)  # it has put in place what it had read
    (done,) = resume_erasures(shop.settings, shop.ledger, actor="test")
    assert done.finished_at is not None
    assert searched(shop) == []
    compact(shop.settings)
    assert searched(shop) == []


def test_no_answer_knows_them_although_they_were_read_for_a_build_or_a_refresh(file_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = file_shop
    fill(shop, built=False)
    with monkeypatch.context() as building:
        interrupt(shop, building, build, "materialize", who=OTHER)
        build_features(shop.settings)
    assert online(shop, OTHER) is None
    assert online(shop, GONE) is not None

    assert set(shop.ledger.append([viewed("v1", GONE, -1), viewed("v2", STAYS, -1)])) == {Fate.ACCEPTED}
    following = Following(shop.settings, shop.ledger)
    interrupt(shop, monkeypatch, following, "_after")  # it has read them, and writes next
    assert following.step().customers
    following.close()
    assert online(shop, GONE) is None
    assert online(shop, STAYS) is not None

    assert all(done.finished_at for done in resume_erasures(shop.settings, shop.ledger, actor="test"))
    assert searched(shop) == []
    assert places_of(shop.settings.data_dir, OTHER) == []


def test_what_comes_between_the_wish_and_its_end_goes_with_the_rest_and_is_counted(shop: Shop) -> None:
    fill(shop, built=False)
    late_visitor, phone = "anonymous:late-771", "phone-8812"
    erasing.begin(shop.ledger, GONE, actor="test")
    shop.clock.now += timedelta(hours=3)
    told = [viewed("b1", GONE, 1), viewed("b2", late_visitor, 1), viewed("b3", phone, 1), viewed("b4", STAYS, 1)]
    assert shop.ledger.append(told) == [Fate.ACCEPTED] * 4  # of a later time: refusing it needs a finished erasure
    with shop.ledger.database.writing() as connection:
        identities.link(connection, late_visitor, GONE, at=shop.clock.now, source="test")
        consents.state(connection, [Statement(GONE, ANY, ANY, State.GRANTED, shop.clock.now, "test")])
        decisions.record_decisions(connection, [Decided("d9", GONE, shop.clock.now, json.dumps({"customer_id": GONE}))])
    compact(shop.settings)
    assert places_of(shop.settings.data_dir, GONE)
    (done,) = resume_erasures(shop.settings, shop.ledger, actor="test")
    assert done.finished_at == shop.clock.now
    removed = {
        "events": 92,
        "links": 3,
        "consents": 3,
        "contacts": 1,
        "decisions": 3,
        "slates": 1,
        "answers": 1,
        "outcomes": 1,
        "exposures": 1,
    }
    assert done.receipt["ledger"] == removed
    assert searched(shop) == []
    assert [*places_of(shop.settings.data_dir, late_visitor), *tables_of(shop.ledger, late_visitor)] == []
    assert tables_of(shop.ledger, phone) == ["events"]  # nobody said that this one is theirs
    assert shop.ledger.append(told) == [Fate.ERASED, Fate.ERASED, Fate.DUPLICATE, Fate.DUPLICATE]
    assert shop.ledger.append([viewed("b5", GONE, 4)]) == [Fate.ACCEPTED]


def test_a_decision_that_waited_to_be_written_is_not_kept(shop: Shop) -> None:
    fill(shop, built=False)
    decided = [Decided("d7", GONE, shop.clock.now, json.dumps({"customer_id": GONE})), Decided("d8", None, shop.clock.now, "{}")]
    erasing.begin(shop.ledger, ALIAS, actor="test")
    resume_erasures(shop.settings, shop.ledger, actor="test")
    with shop.ledger.database.writing() as connection:
        decisions.record_decisions(connection, decided)
        assert decisions.known_decisions(connection, ["d7", "d8"]) == {"d8"}
    assert searched(shop) == []


def test_an_erasure_waits_for_a_writer_and_a_writer_for_an_erasure(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = FeatureSettings(data_dir=tmp_path_factory.mktemp("data")).data_dir
    order: list[str] = []

    def sweep() -> None:
        with sweeping(folder, wait=True) as alone:
            order.append(f"sweep {alone}")

    def write() -> None:
        with writing_people(folder):
            order.append("write")

    with writing_people(folder), writing_people(folder):
        with sweeping(folder, wait=False) as alone:
            assert not alone
        waiting = threading.Thread(target=sweep)
        waiting.start()
        waiting.join(0.1)
        assert order == []
    waiting.join()
    with sweeping(folder, wait=False) as alone:
        assert alone
        waiting = threading.Thread(target=write)
        waiting.start()
        waiting.join(0.1)
        assert order == ["sweep True"]
    waiting.join()
    assert order == ["sweep True", "write"]
