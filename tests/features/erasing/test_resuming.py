"""A person with every trace a shop can have of them, erased and searched for."""

from __future__ import annotations

import json
import sqlite3
from datetime import timedelta

import polars as pl
import pytest

from features.build import build_features
from features.erasing import resuming
from features.erasing.resuming import resume_erasures
from features.errors import HuitouError, StoreAway
from features.folding.compact import compact
from features.ledger import consents, erasing, events
from features.ledger.consents import Purpose
from features.ledger.events import Event, Fate
from features.never_bought import FILE
from features.online_place import place_new
from features.redis_rows import FEATURES, RedisRows
from features.redis_server import RedisServer
from features.store import SqliteCustomerReader, open_reader
from features.versions import current_folder
from features.warehouse import open_warehouse
from tests.features.erasing.person import ALIAS, GONE, NOW, STAYS, THEIRS, Shop, fill, searched
from tests.features.erasing.search import keys_of, places_of, tables_of


def test_nothing_is_left_of_somebody_erased_and_everybody_else_stays(shop: Shop) -> None:
    fill(shop)
    before = places_of(shop.settings.data_dir, GONE)
    for part in ("imported", "warehouse", "features", "online", "imports", "quarantine", "audience.csv"):
        assert any(place.startswith(part) for place in before), part
    assert {"events", "links", "consents"} <= set(tables_of(shop.ledger, GONE))

    begun = erasing.begin(shop.ledger, ALIAS, actor="test")  # by any of the ids
    assert set(begun.ids) == set(THEIRS)
    assert begun.receipt["ledger"] == {
        "events": 90,
        "links": 2,
        "consents": 2,
        "contacts": 1,
        "decisions": 2,
        "slates": 1,
        "answers": 1,
        "outcomes": 1,
        "exposures": 1,
    }
    (done,) = resume_erasures(shop.settings, shop.ledger, actor="test")
    assert done.finished_at == NOW
    assert all(sum(done.receipt[place].values()) for place in ("online", "tables", "imports", "files", "spool"))
    assert searched(shop) == []

    history = open_warehouse(shop.settings)
    assert history.read("orders").filter(pl.col("customer_id") == STAYS).height == 6
    assert history.read("interactions").filter(pl.col("customer_id") == STAYS).height == 30
    assert SqliteCustomerReader(current_folder(shop.settings.online_dir, remedy="")).read(STAYS) is not None
    assert STAYS in (shop.settings.data_dir / "audience.csv").read_text()
    assert (shop.settings.data_dir / "demo.json").is_file()
    assert resume_erasures(shop.settings, shop.ledger, actor="test") == []

    again = erasing.begin(shop.ledger, GONE, actor="test")
    (nothing,) = resume_erasures(shop.settings, shop.ledger, actor="test")
    assert again.erasure_id == nothing.erasure_id
    assert sum(sum(removed.values()) for removed in nothing.receipt.values()) == 0
    assert searched(shop) == []


def test_neither_a_second_import_nor_a_late_event_brings_them_back(shop: Shop) -> None:
    fill(shop, built=False)
    erasing.begin(shop.ledger, GONE, actor="test")
    resume_erasures(shop.settings, shop.ledger, actor="test")
    shop.clock.now += timedelta(days=1)
    shop.import_orders()  # the same file
    assert searched(shop) == []
    shop.import_orders(f"o99,{STAYS},2026-02-20 10:00:00,p1,1,5")  # a newer export of the same shop: they are still in it
    late = Event("late", "product_viewed", GONE, NOW - timedelta(hours=1), "test", '{"product_id": "p1"}')
    assert shop.ledger.append([late]) == [Fate.ERASED]
    compact(shop.settings)
    build_features(shop.settings)
    assert searched(shop) == []
    assert open_warehouse(shop.settings).read("orders").filter(pl.col("customer_id") == STAYS).height == 7


def test_who_comes_back_later_is_a_new_acquaintance_without_consent(shop: Shop) -> None:
    fill(shop, built=False)
    erasing.begin(shop.ledger, GONE, actor="test")
    resume_erasures(shop.settings, shop.ledger, actor="test")
    shop.clock.now += timedelta(days=30)
    shop.import_orders(f"o100,{GONE},2026-03-20 10:00:00,p1,1,5")
    with shop.ledger.database.reading() as connection:
        assert consents.history(connection, [GONE]) == []
        assert GONE not in consents.granted_ids(connection, Purpose.PROFILING)
    imported = pl.read_parquet(current_folder(shop.settings.imported_dir, remedy="") / "orders.parquet")
    assert imported.filter(pl.col("customer_id") == GONE)["order_id"].to_list() == ["o100"]
    newer = Event("newer", "product_viewed", GONE, NOW + timedelta(hours=1), "test", '{"product_id": "p1"}')
    assert shop.ledger.append([newer]) == [Fate.ACCEPTED]


@pytest.mark.parametrize("failing", range(len(resuming._PLACES)))
def test_a_place_that_fails_is_done_by_the_next_run(shop: Shop, failing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(shop, built=False)
    erasing.begin(shop.ledger, GONE, actor="test")
    whole = resuming._PLACES

    def fails(*_: object) -> int:
        raise HuitouError("the disk went away")

    broken = tuple((place, what, fails if i == failing else forget) for i, (place, what, forget) in enumerate(whole))
    monkeypatch.setattr(resuming, "_PLACES", broken)
    with pytest.raises(HuitouError, match="went away"):
        resume_erasures(shop.settings, shop.ledger, actor="test")
    with shop.ledger.database.reading() as connection:
        assert [e.finished_at for e in erasing.unfinished(connection)] == [None]
        assert list(events.read_of(connection, THEIRS)) == []  # from the ledger they are gone since the beginning
    monkeypatch.setattr(resuming, "_PLACES", whole)
    (done,) = resume_erasures(shop.settings, shop.ledger, actor="test")
    assert done.finished_at is not None
    assert searched(shop) == []


def test_the_online_store_overwrites_what_it_deletes(file_shop: Shop) -> None:
    shop = file_shop
    fill(shop)
    folder = current_folder(shop.settings.online_dir, remedy="")
    connection = sqlite3.connect(folder / "online.db")
    connection.execute("PRAGMA journal_mode = WAL")  # as a refresh leaves it while the service reads
    assert GONE.encode() in (folder / "online.db").read_bytes()
    erasing.begin(shop.ledger, GONE, actor="test")
    resume_erasures(shop.settings, shop.ledger, actor="test")
    assert searched(shop) == []
    connection.close()


def test_nothing_is_left_of_somebody_who_never_ordered(file_shop: Shop) -> None:
    shop, browser = file_shop, "only-browsed-8812"
    fill(shop, built=False)
    seen = Event("m-browser", "product_viewed", browser, NOW - timedelta(days=2), "test", json.dumps({"product_id": "p1"}))
    with shop.ledger.database.writing() as connection:
        consents.state(connection, [consents.Statement(browser, consents.ANY, consents.ANY, consents.State.GRANTED, NOW, "test")])
    assert set(shop.ledger.append([seen])) == {Fate.ACCEPTED}
    compact(shop.settings)
    built = build_features(shop.settings)
    reader = SqliteCustomerReader(built.online)
    assert reader.read(browser) is not None
    assert browser in pl.read_parquet(built.offline / FILE)["customer_id"]
    erasing.begin(shop.ledger, browser, actor="test")
    (done,) = resume_erasures(shop.settings, shop.ledger, actor="test")
    assert done.finished_at == NOW
    assert (places_of(shop.settings.data_dir, browser), tables_of(shop.ledger, browser)) == ([], [])
    assert reader.read(browser) is None
    assert reader.read(STAYS) is not None
    reader.close()


def test_nothing_is_left_in_a_redis_and_everybody_else_stays(redis_shop: Shop) -> None:
    shop = redis_shop
    fill(shop)
    build_features(shop.settings, force=True)  # two versions hold them
    assert len(keys_of(shop.settings, GONE)) == 2
    erasing.begin(shop.ledger, ALIAS, actor="test")
    (done,) = resume_erasures(shop.settings, shop.ledger, actor="test")
    assert done.receipt["online"]["values"] >= 10
    assert searched(shop) == []
    reader = open_reader(current_folder(shop.settings.online_dir, remedy=""), shop.settings.online_server)
    assert (reader.read(GONE), reader.read(ALIAS)) == (None, None)
    assert reader.read(STAYS) is not None
    reader.close()


def test_what_a_killed_build_left_in_a_redis_goes_too(redis_shop: Shop) -> None:
    shop = redis_shop
    fill(shop)
    killed = shop.settings.online_dir / ".writing-killed"
    killed.mkdir()
    rows = RedisRows(RedisServer(shop.settings.online_url or ""), place_new(killed))
    packed: dict[str, list[object]] = {name: [b"x"] for name in FEATURES}
    rows.load([{"customer_id": [GONE], "event_timestamp": [NOW], **packed}])
    rows.close()
    assert len(keys_of(shop.settings, GONE)) == 2
    erasing.begin(shop.ledger, GONE, actor="test")
    resume_erasures(shop.settings, shop.ledger, actor="test")
    assert searched(shop) == []


def test_an_erasure_waits_for_a_redis_that_is_away(redis_shop: Shop) -> None:
    shop = redis_shop
    fill(shop)
    erasing.begin(shop.ledger, GONE, actor="test")
    away = shop.settings.model_copy(update={"online_url": "redis://127.0.0.1:1/0"})
    with pytest.raises(StoreAway):
        resume_erasures(away, shop.ledger, actor="test")
    with shop.ledger.database.reading() as connection:
        assert [e.finished_at for e in erasing.unfinished(connection)] == [None]
    resume_erasures(shop.settings, shop.ledger, actor="test")
    assert searched(shop) == []
