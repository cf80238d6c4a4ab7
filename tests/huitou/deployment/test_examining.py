from __future__ import annotations

import json
from pathlib import Path

import pytest

from huitou.deployment.check import Verdict
from huitou.deployment.examining import CHECKS, SETTINGS, answers, settings
from tests.huitou.conftest import Huitou
from tests.huitou.deployment.conftest import Deployed


def test_the_command_says_one_line_a_check_and_fails_for_failures_alone(
    huitou: Huitou, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUITOU_PORT", "0")
    ran = huitou("doctor", "--data-dir", folder)
    assert ran.code == 0, ran.out
    lines = ran.out.splitlines()
    assert len(lines) == len(CHECKS)
    assert all(f"  {name}" in line for name, line in zip(CHECKS, lines, strict=True))
    assert "failed" not in ran.out
    (folder / "assumptions.toml").write_text("")
    ran = huitou("doctor", "--data-dir", folder)
    assert ran.code == 1
    (line,) = [line for line in ran.out.splitlines() if "assumptions  " in line]
    assert line.startswith("failed")


def test_json(huitou: Huitou, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUITOU_PORT", "0")
    ran = huitou("doctor", "--data-dir", folder, "--json")
    told = json.loads(ran.out)
    assert told["well"] is True
    assert [one["check"] for one in told["checks"]] == [*CHECKS]
    for one in told["checks"]:
        assert one["says"].endswith((".", ")"))
        assert one["remedy"] or one["verdict"] in {"ok", "skipped"}


def test_nothing_is_changed(huitou: Huitou, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUITOU_PORT", "0")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    huitou("doctor", "--data-dir", folder)
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    assert {path.name for path in after.keys() ^ before.keys()} <= {"ledger.db-wal", "ledger.db-shm"}  # SQLite's own, of any reader
    assert {path.name for path in before if after.get(path) != before[path]} <= {"ledger.db-wal", "ledger.db-shm"}


def test_without_a_folder_the_rest_is_not_asked(huitou: Huitou, tmp_path: Path) -> None:
    told = {one["check"]: one["verdict"] for one in json.loads(huitou("doctor", "--data-dir", tmp_path / "no", "--json").out)["checks"]}
    assert told["data folder"] == "failed"
    assert {told[name] for name in ("disk", "ledger", "models", "worker")} == {"skipped"}
    assert not (tmp_path / "no").exists()


def test_a_setting_that_is_not_allowed(huitou: Huitou, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUITOU_PORT", "eighty")
    ran = huitou("doctor", "--data-dir", folder)
    assert ran.code == 1
    assert "HUITOU_PORT" in ran.out.splitlines()[0]
    assert all("Not looked at" in line for line in ran.out.splitlines()[1:])


def test_a_setting_of_another_part_counts_too(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUITOU_LOG_FORMAT", "xml")
    found = answers(deployed(), {"settings": settings})["settings"]
    assert found.verdict is Verdict.FAILED
    assert "HUITOU_LOG_FORMAT" in found.says


def test_names_that_nobody_reads(deployed: Deployed) -> None:
    known = {"HUITOU_LEDGER_URL_FILE": "x", "HUITOU_API_KEY": "x", "HUITOU_RETAIN_EVENTS_DAYS": "3", "HOME": "x"}
    assert settings(deployed(environment=known)).verdict is Verdict.OK
    found = settings(deployed(environment={**known, "HUITOU_PRT": "1"}))
    assert found.verdict is Verdict.WARNING
    assert "HUITOU_PRT (meant: HUITOU_PORT?)" in found.says


def test_every_settings_model_is_read() -> None:
    from docs import generate  # type: ignore[import-not-found, unused-ignore]

    assert {model for _, model in generate.FLOORS} == set(SETTINGS)


def test_a_check_that_breaks_is_an_answer_and_the_others_are_heard(deployed: Deployed) -> None:
    def breaks(_: object) -> None:
        raise ZeroDivisionError("division by zero")

    found = answers(deployed(), {"odd": breaks, "settings": settings})  # type: ignore[dict-item]
    assert found["odd"].verdict is Verdict.FAILED
    assert "ZeroDivisionError" in found["odd"].says
    assert found["settings"].verdict is Verdict.OK
