from __future__ import annotations

from pathlib import Path

import pytest

from tests.huitou.conftest import Huitou


@pytest.fixture(autouse=True)
def ledger_setting(empty_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUITOU_LEDGER_URL", empty_database)


def test_up_and_down_and_what_it_says_on_the_way(huitou: Huitou) -> None:
    before = huitou("ledger", "status")
    assert before.code == 0
    assert "huitou ledger migrate" in before.out
    made = huitou("ledger", "migrate")
    assert made.out.startswith("From nothing to version ")
    version = made.out.split()[-1].rstrip(".")
    assert huitou("ledger", "migrate").out == f"Unchanged: version {version}.\n"
    status = huitou("ledger", "status").out
    assert f"of version {version}, as this program needs it" in status
    assert "holds 0 events" in status
    assert "--yes" in huitou("ledger", "downgrade", "base").refusal
    assert huitou("ledger", "downgrade", "base", "--yes").out == f"From {version} back to nothing.\n"
    assert "of version nothing" in huitou("ledger", "status").out


def test_a_version_that_is_not_there_is_refused(huitou: Huitou) -> None:
    huitou("ledger", "migrate")
    ran = huitou("ledger", "downgrade", "nonsense", "--yes")
    assert ran.code == 1
    assert "no version nonsense" in ran.refusal


def test_asking_makes_nothing(huitou: Huitou, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUITOU_LEDGER_URL")
    assert "There is no ledger" in huitou("ledger", "status", "--data-dir", tmp_path / "shop").out
    assert huitou("ledger", "downgrade", "base", "--yes", "--data-dir", tmp_path / "shop").code == 1
    assert not (tmp_path / "shop").exists()


def test_a_password_is_not_shown(huitou: Huitou, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUITOU_LEDGER_URL", "postgresql://u:secret@127.0.0.1:1/none")
    ran = huitou("ledger", "status")
    assert ran.code == 1
    assert "127.0.0.1:1" in ran.refusal
    assert "secret" not in ran.out + ran.err
