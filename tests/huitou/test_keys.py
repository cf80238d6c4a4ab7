"""`huitou keys`: made once, told once, kept as a hash, noted in the audit log; and the service refuses to stand open."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.erasing.other_files import forget_in_files
from features.settings import FeatureSettings
from serving.access.access import Access
from serving.access.errors import KeyRefused
from serving.access.key_file import FILE, read_keys
from serving.access.scopes import Scope
from tests.huitou.conftest import Huitou, Ran


@pytest.fixture
def keys(huitou: Huitou, tmp_path: Path) -> Huitou:
    def run(*arguments: object) -> Ran:
        return huitou("keys", *arguments, "--data-dir", tmp_path)

    return run


def may(folder: Path, key: str, scope: Scope) -> bool:
    try:
        Access(folder / FILE).admit([(b"authorization", f"Bearer {key}".encode())], scope)
    except KeyRefused:
        return False
    return True


def test_a_key_is_printed_once_and_its_hash_kept(keys: Huitou, tmp_path: Path) -> None:
    ran = keys("create", "crm", "--scope", "decide", "--scope", "ingest", "--per-second", 50)
    assert ran.code == 0
    assert "shown this once" in ran.err
    plain = ran.out.strip()
    assert plain.startswith("huitou_")
    assert may(tmp_path, plain, Scope.DECIDE)
    assert may(tmp_path, plain, Scope.INGEST)
    assert plain not in (tmp_path / FILE).read_text()
    listed = keys("list").out
    today = datetime.now(UTC).date().isoformat()
    assert listed == f"crm  decide,ingest  50/s, 100 at once  made {today}  1 secret\n"
    assert plain[7:] not in listed


def test_rotation_and_revocation(keys: Huitou, tmp_path: Path) -> None:
    old = keys("create", "crm", "--scope", "decide", "--per-second", 0).out.strip()
    new = keys("rotate", "crm").out.strip()
    assert may(tmp_path, old, Scope.DECIDE)
    assert may(tmp_path, new, Scope.DECIDE)
    listed = keys("list").out
    assert "no limit" in listed
    assert "2 secrets, one ends" in listed
    newest = keys("rotate", "crm", "--grace-hours", 0).out.strip()
    assert [may(tmp_path, key, Scope.DECIDE) for key in (old, new, newest)] == [False, False, True]
    assert keys("revoke", "crm").out == "crm is revoked.\n"
    assert not may(tmp_path, newest, Scope.DECIDE)
    assert keys("list").out == "Every key is revoked: nobody is let in.\n"


def test_every_change_is_in_the_audit_log(keys: Huitou, huitou: Huitou, tmp_path: Path) -> None:
    for arguments in (("create", "crm", "--scope", "erase"), ("rotate", "crm"), ("revoke", "crm")):
        keys(*arguments)
    told = [json.loads(line) for line in huitou("audit", "list", "--json", "--data-dir", tmp_path).out.splitlines()]
    assert [entry["action"] for entry in told] == ["key_created", "key_rotated", "key_revoked"]
    assert all(entry["actor"].startswith("cli:") for entry in told)
    assert json.loads(told[0]["detail"]) == {"name": "crm", "scopes": ["erase"]}


def test_a_key_can_be_revoked_while_the_ledger_is_away(keys: Huitou, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = keys("create", "crm", "--scope", "decide").out.strip()
    monkeypatch.setenv("HUITOU_LEDGER_URL", "postgresql://nobody@127.0.0.1:1/none")
    ran = keys("revoke", "crm")
    assert ran.code == 0
    assert "the audit log does not have it" in ran.err
    assert not may(tmp_path, plain, Scope.DECIDE)


def test_what_makes_no_sense_is_refused(keys: Huitou, tmp_path: Path) -> None:
    assert keys("list").out.startswith("No key was ever made")
    assert "is no name of a key" in keys("create", "Not This", "--scope", "decide").refusal
    assert keys("create", "crm").code == 2, "a key without a scope is good for nothing"
    assert keys("create", "crm", "--scope", "everything").code == 2
    assert keys("create", "crm", "--scope", "decide").code == 0
    assert "huitou keys rotate crm" in keys("create", "crm", "--scope", "erase").refusal
    assert "There is no key 'other'" in keys("revoke", "other").refusal
    assert "There is no key 'other'" in keys("rotate", "other").refusal
    found = read_keys(tmp_path / FILE)
    assert found is not None
    assert [key.name for key in found] == ["crm"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104 - they are refused
def test_the_service_does_not_stand_open(huitou: Huitou, built_folder: Path, host: str) -> None:
    refusal = huitou("serve", "--host", host, "--port", 0, "--data-dir", built_folder).refusal
    assert f"Listening on '{host}' is refused" in refusal
    assert "huitou keys create" in refusal


def test_erasing_a_person_of_a_keys_name_leaves_the_keys(keys: Huitou, tmp_path: Path) -> None:
    plain = keys("create", "crm", "--scope", "decide").out.strip()
    assert forget_in_files(FeatureSettings(data_dir=tmp_path), {"crm", "decide"}) == 0
    assert may(tmp_path, plain, Scope.DECIDE)
