from __future__ import annotations

import gzip
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from features.ledger import events as ledger_events
from features.ledger import identities
from features.ledger.consents import CONSENTS
from features.ledger.ledger import Ledger, open_ledger
from features.ledger.tombstones import TOMBSTONES, pseudonym, pseudonym_key
from features.settings import FeatureSettings
from features.sources.event_lines import LONGEST
from tests.huitou.conftest import Huitou


@pytest.fixture
def settings(ledger_address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FeatureSettings:
    monkeypatch.setenv("HUITOU_LEDGER_URL", ledger_address)
    monkeypatch.setenv("HUITOU_DATA_DIR", str(tmp_path / "shop"))
    return FeatureSettings()


def ids(settings: FeatureSettings) -> list[str]:
    ledger = open_ledger(settings)
    with ledger.database.reading() as connection:
        found = [event.message_id for event in ledger_events.read(connection)]
    ledger.close()
    return found


def track(number: int, **changed: Any) -> bytes:
    told = {"type": "track", "event": "Product Viewed", "messageId": f"m{number}", "userId": "c1", "properties": {"product_id": "面膜"}}
    return json.dumps({**told, **changed}, ensure_ascii=False).encode()


CLOUD = b'{"specversion":"1.0","id":"1","source":"/web","type":"cart_viewed","subject":"c1"}'
BAD: list[tuple[bytes, str]] = [
    (b"{", "line"),
    (b"\xff\xfe", "line"),
    (b"[" * 100_000, "line"),
    (b'{"x": ' + b"9" * 5_000 + b"}", "line"),
    (b'"' + b"x" * LONGEST + b'"', "line"),
    (b"7", "event"),
    (track(900, properties={}), "properties.product_id"),
    (track(901, userId=b"a\\u0000".decode("unicode_escape")), "userId"),
    (b'{"type":"track","event":"Odd","messageId":"x","userId":"c","properties":{"x":NaN}}', "properties"),
    (track(902, timestamp="1970-01-01T00:00:00Z"), "timestamp"),
]


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_good_lines_come_in_and_bad_ones_are_set_aside(huitou: Huitou, settings: FeatureSettings, tmp_path: Path, packed: bool) -> None:
    good = [track(i) for i in range(2_500)]
    lines = [b"\xef\xbb\xbf" + good[0], *good[1:1500], b"", *(bad for bad, _ in BAD), CLOUD + b"\r", *good[1500:]]
    path = tmp_path / ("events.jsonl.gz" if packed else "events.jsonl")
    path.write_bytes(gzip.compress(b"\n".join(lines)) if packed else b"\n".join(lines))
    ran = huitou("import", "events", "--file", path)
    assert ran.code == 0, ran.err
    assert f"2,501 events taken in, 0 were here already, {len(BAD)} refused." in ran.out
    assert ids(settings) == [*(f"m{i}" for i in range(1500)), "/web#1", *(f"m{i}" for i in range(1500, 2500))]
    aside = settings.data_dir / "quarantine" / "events-events.jsonl"
    told = [json.loads(line) for line in aside.read_text(encoding="utf-8").splitlines()]
    assert [(t["file"], t["line"], t["field"]) for t in told] == [(path.name, 1502 + i, field) for i, (_, field) in enumerate(BAD)]
    assert all(t["reason"] for t in told)
    assert json.loads(told[6]["text"])["messageId"] == "m900"
    assert str(aside) in ran.err
    assert "properties.product_id: Field required" in ran.err


def test_a_file_that_has_grown_is_imported_again(huitou: Huitou, settings: FeatureSettings, tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(track(1) + b"\n{\n")
    assert "1 events taken in, 0 were here already, 1 refused." in huitou("import", "events", "--file", path).out
    path.write_bytes(track(1) + b"\n" + track(2) + b"\n")  # mended, and one more
    ran = huitou("import", "events", "--file", path)
    assert "1 events taken in, 1 were here already, 0 refused." in ran.out
    assert list((settings.data_dir / "quarantine").iterdir()) == []
    assert ids(settings) == ["m1", "m2"]


def test_links_are_made_and_a_conflict_is_told(huitou: Huitou, settings: FeatureSettings, tmp_path: Path) -> None:
    def identify(number: int, user: str) -> bytes:
        return track(number, type="identify", event=None, userId=user, anonymousId="device", properties=None)

    path = tmp_path / "events.jsonl"
    path.write_bytes(identify(1, "c1") + b"\n" + identify(2, "c2"))
    ran = huitou("import", "events", "--file", path)
    assert "2 events taken in" in ran.out
    assert "another customer's already" in ran.err
    ledger = open_ledger(settings)
    with ledger.database.reading() as connection:
        assert identities.resolve(connection, "anonymous:device") == "c1"
    ledger.close()


def test_a_packed_file_that_is_cut_off_keeps_what_stood_before(huitou: Huitou, settings: FeatureSettings, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl.gz"
    lines = [track(i, context={"noise": str(hash(str(i)))}) for i in range(20_000)]
    path.write_bytes(gzip.compress(b"\n".join(lines))[:-20])
    ran = huitou("import", "events", "--file", path)
    assert ran.code == 1
    assert "cut off" in ran.refusal
    kept = ids(settings)
    assert kept == [f"m{i}" for i in range(len(kept))]
    assert len(kept) >= 10_000


@pytest.mark.parametrize("make", [None, Path.mkdir], ids=["missing", "folder"])
def test_what_is_no_file_is_named(huitou: Huitou, settings: FeatureSettings, tmp_path: Path, make: Any) -> None:
    path = tmp_path / "nothing.jsonl"
    if make is not None:
        make(path)
    ran = huitou("import", "events", "--file", path)
    assert ran.code == 1
    assert "nothing.jsonl" in ran.refusal


def test_consent_is_stated_of_those_whose_events_were_kept(huitou: Huitou, settings: FeatureSettings, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"\n".join([track(1), track(2, userId="c2"), track(3, userId="c3", properties={}), b"{", track(4, userId="erased")]))
    ledger = open_ledger(settings)
    with ledger.database.writing() as connection:
        subject = pseudonym(pseudonym_key(connection), "erased")
        connection.execute(insert(TOMBSTONES).values(subject_hash=subject, erased_at=ledger.clock() + timedelta(hours=1)))
    assert "yes themselves" in huitou("import", "events", "--file", path).err
    assert stated(ledger) == set()
    assert huitou("import", "events", "--file", path, "--consent", "granted").code == 0
    assert stated(ledger) == {"c1", "c2"}
    ledger.close()


def stated(ledger: Ledger) -> set[str]:
    with ledger.database.reading() as connection:
        return set(connection.execute(select(CONSENTS.c.recorded_as)).scalars())
