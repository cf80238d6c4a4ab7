"""Who is let in: proved by a key, for its scopes, as often as it may; followed while it runs, and never opened by accident."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from serving.access.access import OPEN, Access
from serving.access.errors import KeyRefused, KeysBroken, RateExceeded, ScopeMissing, Unlocked
from serving.access.key_file import FILE, change_keys
from serving.access.keys import Key, named, new_key, rotated
from serving.access.scopes import EVERYTHING, Scope

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def bearer(key: str) -> list[tuple[bytes, bytes]]:
    return [(b"accept", b"*/*"), (b"authorization", b"Bearer " + key.encode())]


def basic(key: str, password: str = "") -> list[tuple[bytes, bytes]]:
    return [(b"authorization", b"Basic " + base64.b64encode(f"{key}:{password}".encode()))]


def add(folder: Path, name: str, *scopes: Scope, per_second: float = 0, burst: int = 2) -> str:
    key, plain = new_key(name, frozenset(scopes), per_second=per_second, burst=burst, now=NOW)
    change_keys(folder, lambda before: (*before, key))
    return plain


def change(folder: Path, name: str, how: Callable[[Key], tuple[Key, ...]]) -> None:
    change_keys(folder, lambda before: (*(k for k in before if k.name != name), *how(named(before, name))))


def test_without_keys_everybody_may_do_everything(tmp_path: Path) -> None:
    access = Access(tmp_path / FILE)
    assert not access.locked
    for headers in ([], bearer("any"), basic("any"), [(b"authorization", b"???")]):
        assert [access.admit(headers, scope) for scope in Scope] == [OPEN] * 4


def test_a_key_is_good_for_its_scopes_only(tmp_path: Path) -> None:
    plain = {scope: add(tmp_path, scope.value, scope) for scope in Scope}
    access = Access(tmp_path / FILE)
    for scope, key in plain.items():
        for headers in (bearer(key), basic(key), basic(key, "x")):
            grant = access.admit(headers, scope)
            assert (grant.actor, grant.scopes) == (f"key:{scope}", {scope})
            for other in EVERYTHING - {scope}:
                with pytest.raises(ScopeMissing, match=f"needs the scope `{other}`.*has `{scope}`") as told:
                    access.admit(headers, other)
                assert key not in str(told.value)


def test_what_is_no_key_is_refused_without_repeating_it(tmp_path: Path) -> None:
    key = add(tmp_path, "crm", Scope.DECIDE)
    access = Access(tmp_path / FILE)
    for headers in (
        [],
        bearer(""),
        bearer(key[:-1]),
        bearer(key + "x"),
        bearer(key.upper()),
        basic(""),
        basic(f"x{key}"),
        [(b"authorization", b"Basic ???")],
        [(b"authorization", b"Token " + key.encode())],
        [(b"authorization", key.encode())],
        [(b"x-api-key", key.encode())],
        [(b"authorization", b"\xff\xfe \x00")],
    ):
        with pytest.raises(KeyRefused, match="Authorization: Bearer KEY") as told:
            access.admit(headers, Scope.DECIDE)
        assert key[8:-1] not in str(told.value)


def test_a_hash_opens_nothing(tmp_path: Path) -> None:
    add(tmp_path, "crm", Scope.DECIDE)
    hashed = (tmp_path / FILE).read_text().split('sha256 = "')[1].split('"')[0]
    for told in (hashed, "huitou_" + hashed):
        with pytest.raises(KeyRefused):
            Access(tmp_path / FILE).admit(bearer(told), Scope.DECIDE)


def test_changes_are_followed_and_the_last_revocation_opens_nothing(tmp_path: Path) -> None:
    access = Access(tmp_path / FILE)
    assert not access.look()
    first = add(tmp_path, "crm", Scope.DECIDE)
    assert access.look()
    assert not access.look()
    access.admit(bearer(first), Scope.DECIDE)
    with pytest.raises(KeyRefused):
        access.admit([], Scope.DECIDE)
    change(tmp_path, "crm", lambda _: ())
    assert access.look()
    for headers in ([], bearer(first)):
        with pytest.raises(KeyRefused):
            access.admit(headers, Scope.DECIDE)
    with pytest.raises(KeyRefused):
        Access(tmp_path / FILE).admit([], Scope.DECIDE)  # nor does a restart


def test_a_file_that_vanishes_lets_nobody_in(tmp_path: Path) -> None:
    key = add(tmp_path, "crm", Scope.DECIDE)
    access = Access(tmp_path / FILE)
    (tmp_path / FILE).unlink()
    assert access.look()
    for headers in ([], bearer(key)):
        with pytest.raises(KeyRefused):
            access.admit(headers, Scope.DECIDE)


def test_a_damaged_file_leaves_the_keys_as_they_were_and_stops_a_start(tmp_path: Path) -> None:
    key = add(tmp_path, "crm", Scope.DECIDE)
    access = Access(tmp_path / FILE)
    whole = (tmp_path / FILE).read_text()
    (tmp_path / FILE).write_text(whole + "[[")
    assert not access.look()
    assert access.problem is not None
    assert access.problem.endswith("The keys before it are in force.")
    access.admit(bearer(key), Scope.DECIDE)
    with pytest.raises(KeysBroken, match=FILE):
        Access(tmp_path / FILE)
    (tmp_path / FILE).write_text(whole)
    assert access.look()
    assert access.problem is None


def test_a_rotated_secret_ends_by_the_clock(tmp_path: Path) -> None:
    old, now = add(tmp_path, "crm", Scope.DECIDE), NOW
    made: list[str] = []

    def turn(key: Key) -> tuple[Key, ...]:
        fresh, plain = rotated(key, now=NOW, until=NOW + timedelta(hours=1))
        made.append(plain)
        return (fresh,)

    change(tmp_path, "crm", turn)
    access = Access(tmp_path / FILE, clock=lambda: now)
    for key in (old, *made):
        assert access.admit(bearer(key), Scope.DECIDE).actor == "key:crm"
    now = NOW + timedelta(hours=1)
    with pytest.raises(KeyRefused, match="was rotated"):
        access.admit(bearer(old), Scope.DECIDE)
    access.admit(bearer(made[0]), Scope.DECIDE)


def test_a_rate_is_the_keys_whichever_secret_it_sends_and_stays_used_when_others_change(tmp_path: Path) -> None:
    seconds = 0.0
    key, other = add(tmp_path, "crm", Scope.DECIDE, per_second=1), add(tmp_path, "bot", Scope.DECIDE, per_second=1)
    access = Access(tmp_path / FILE, seconds=lambda: seconds)
    for headers in (bearer(key), basic(key)):
        access.admit(headers, Scope.DECIDE)
    with pytest.raises(RateExceeded, match="1 times a second, 2 at once") as told:
        access.admit(bearer(key), Scope.DECIDE)
    assert told.value.headers == {"retry-after": "1", "ratelimit-policy": '"key";q=2;w=2', "ratelimit": '"key";r=0;t=2'}
    access.admit(bearer(other), Scope.DECIDE)
    add(tmp_path, "third", Scope.ERASE)
    assert access.look()
    with pytest.raises(RateExceeded):
        access.admit(bearer(key), Scope.DECIDE)
    seconds = 1.0
    access.admit(bearer(key), Scope.DECIDE)


def test_write_keys_are_keys_that_may_ingest(tmp_path: Path) -> None:
    access = Access(tmp_path / FILE, ["first", "第二"])
    assert access.admit(basic("第二"), Scope.INGEST).actor == "key:write-key-2"
    for scope in EVERYTHING - {Scope.INGEST}:
        with pytest.raises(ScopeMissing):
            access.admit(bearer("first"), scope)
    with pytest.raises(KeyRefused):
        access.admit([], Scope.DECIDE)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "example.org", "::", ""])  # noqa: S104 - they are refused
def test_beyond_this_machine_only_with_keys(tmp_path: Path, host: str) -> None:
    with pytest.raises(Unlocked, match="huitou keys create"):
        Access(tmp_path / FILE).demand_lock(host)
    with pytest.raises(Unlocked, match="fewer than 16 characters"):
        Access(tmp_path / FILE, ["fifteen-letters"]).demand_lock(host)
    Access(tmp_path / FILE, ["sixteen-letters!"]).demand_lock(host)
    add(tmp_path, "crm", Scope.DECIDE)
    Access(tmp_path / FILE).demand_lock(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_on_this_machine_without(tmp_path: Path, host: str) -> None:
    Access(tmp_path / FILE).demand_lock(host)
