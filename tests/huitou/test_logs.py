from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from huitou.logs import LogSettings, set_up_logs
from serving.app import create_app
from serving.settings import ServingSettings
from tests.serving.small_shop import write_small_shop

pytestmark = pytest.mark.usefixtures("logs_as_before")


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_record_is_one_object_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(LogSettings(log_format="json", log_level="info"))
    log = logging.getLogger("huitou.work")
    log.info("%d rows\nof 顾客", 3)
    try:
        _ = {}["x"]
    except KeyError:
        log.exception("It failed.")
    log.debug("not worth a line")
    logging.getLogger("sqlalchemy.engine").info("nor is this")
    first, second = lines(capsys)
    assert {name: first[name] for name in ("level", "logger", "message")} == {
        "level": "info",
        "logger": "huitou.work",
        "message": "3 rows\nof 顾客",
    }
    assert str(first["time"]).endswith("+00:00")
    assert second["error"] == "KeyError"
    assert "Traceback" in str(second["traceback"])


def test_setting_up_twice_says_nothing_twice(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        set_up_logs(LogSettings())
    logging.getLogger("huitou.work").warning("Once.")
    assert capsys.readouterr().err == "Once.\n"
    assert caplog.messages == ["Once."], "who listens beside it goes on hearing"


def test_sentences_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(LogSettings())
    logging.getLogger("huitou.work").warning("The worker ended.")
    logging.getLogger("huitou.requests").info("not by default")
    assert capsys.readouterr().err == "The worker ended.\n"


def test_a_line_a_request_with_the_decision_and_nobodys_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_small_shop(tmp_path / "data")
    set_up_logs(LogSettings(log_format="json", log_level="info"))
    with TestClient(create_app(ServingSettings(data_dir=tmp_path / "data"))) as client:
        capsys.readouterr()
        answer = client.post("/v1/next-best-offers", json={"customer_id": "c000"}).json()
        client.get("/v1/customers/c000")
        client.get("/no/such/c000")
    said = capsys.readouterr().err
    decided, portrait, unmatched = [json.loads(line) for line in said.splitlines()]
    assert decided["decision_id"] == answer["decision_id"]
    assert decided["milliseconds"] > 0
    assert (portrait["route"], portrait["status"]) == ("/v1/customers/{customer_id}", 200)
    assert "decision_id" not in portrait
    assert (unmatched["route"], unmatched["status"]) == ("unmatched", 404)
    assert "c000" not in said


def test_a_quiet_service_writes_no_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_small_shop(tmp_path / "data")
    set_up_logs(LogSettings(log_format="json"))
    with TestClient(create_app(ServingSettings(data_dir=tmp_path / "data"))) as client:
        client.get("/healthz")
    assert capsys.readouterr().err == ""


def test_an_unknown_form_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUITOU_LOG_FORMAT", "xml")
    with pytest.raises(ValidationError):
        LogSettings()
