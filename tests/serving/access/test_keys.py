"""What a key is, how it changes, and how the file keeps it."""

from __future__ import annotations

import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from serving.access import key_file
from serving.access.errors import KeysBroken, KeyUnknown
from serving.access.key_file import FILE, change_keys, read_keys
from serving.access.keys import Key, digest_of, named, new_key, rotated
from serving.access.scopes import Scope

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DECIDE = frozenset({Scope.DECIDE})

keys = st.builds(
    lambda name, scopes, rate, until: rotated(new_key(name, scopes, per_second=rate, now=NOW)[0], now=NOW, until=until)[0],
    st.from_regex(r"[a-z0-9][a-z0-9._-]{0,47}", fullmatch=True),
    st.frozensets(st.sampled_from(Scope), min_size=1),
    st.floats(0, 1e6),
    st.datetimes(datetime(2026, 2, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the zone is given beside
)


def test_a_key_is_random_and_only_its_hash_is_kept() -> None:
    (one, first), (other, second) = (new_key("crm", DECIDE, now=NOW) for _ in range(2))
    assert first != second
    assert len(first) == len("huitou_") + 43, "256 bits"
    assert one.secrets[0].sha256 == digest_of(first.encode()).hex() != other.secrets[0].sha256
    assert first not in one.model_dump_json()


@pytest.mark.parametrize("name", ["", "Ä", "a b", "A", "-a", "a" * 49, 'a"\n[[key]]'])
def test_a_name_is_plain(name: str) -> None:
    with pytest.raises(ValidationError):
        new_key(name, DECIDE, now=NOW)


def test_the_longest_name_fits_into_the_audit_log() -> None:
    assert len("key:" + new_key("a" * 48, DECIDE, now=NOW)[0].name) <= 64


def test_rotation_ends_the_secrets_before_it_and_forgets_those_that_ended() -> None:
    key, _ = new_key("crm", DECIDE, now=NOW)
    soon, later = NOW + timedelta(hours=1), NOW + timedelta(hours=24)
    once, _ = rotated(key, now=NOW, until=soon)
    assert [secret.until for secret in once.secrets] == [soon, None]
    twice, _ = rotated(once, now=NOW, until=later)
    assert [secret.until for secret in twice.secrets] == [soon, later, None], "a grace is never made longer"
    assert [secret.until for secret in rotated(twice, now=soon, until=later)[0].secrets] == [later, later, None]
    assert [secret.until for secret in rotated(key, now=NOW, until=NOW)[0].secrets] == [None], "no grace"


def test_who_is_not_there_is_named() -> None:
    with pytest.raises(KeyUnknown, match=r"'crm'.*huitou keys list"):
        named((), "crm")


@given(st.lists(keys, max_size=3, unique_by=lambda key: key.name))
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, found: list[Key]) -> None:
    folder = tmp_path_factory.mktemp("keys")
    path = change_keys(folder, lambda _: tuple(found))
    assert read_keys(path) == tuple(found)


def test_the_file_is_its_owners_only_and_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, _ = new_key("crm", DECIDE, now=NOW)
    assert read_keys(tmp_path / FILE) is None
    path = change_keys(tmp_path / "new", lambda _: (key,))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    monkeypatch.setattr(key_file.os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        change_keys(tmp_path / "new", lambda _: ())
    assert read_keys(path) == (key,)
    assert {p.name for p in path.parent.iterdir()} == {FILE, ".keys.lock"}


def test_two_who_change_it_at_once_both_count(tmp_path: Path) -> None:
    def add(number: int) -> None:
        change_keys(tmp_path, lambda before: (*before, new_key(f"k{number}", DECIDE, now=NOW)[0]))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = read_keys(tmp_path / FILE)
    assert found is not None
    assert {key.name for key in found} == {f"k{number}" for number in range(8)}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("key = ", "not TOML"),
        ("x = 1", "x: Extra inputs"),
        ('[[key]]\nname = "a"\nscopes = []\ncreated_at = 2026-01-01T00:00:00Z', "scopes"),
        ('[[key]]\nname = "a"\nscopes = ["everything"]\ncreated_at = 2026-01-01T00:00:00Z', "scopes"),
        ('[[key]]\nname = "a"\nscopes = ["erase"]\ncreated_at = 2026-01-01T00:00:00', "created_at"),
        ('[[key]]\nname = "a"\nscopes = ["erase"]\ncreated_at = 2026-01-01T00:00:00Z\n' * 2, "two keys"),
    ],
)
def test_a_file_that_says_something_else_is_refused_with_the_place(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(KeysBroken, match=why):
        read_keys(tmp_path / FILE)
    with pytest.raises(KeysBroken, match=why):
        change_keys(tmp_path, lambda _: ())
    assert (tmp_path / FILE).read_text() == text, "nothing is thrown away that somebody may have meant"
