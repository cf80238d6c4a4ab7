from __future__ import annotations

import os
import socket
from datetime import timedelta
from pathlib import Path

import pytest

from huitou.deployment import outside
from huitou.deployment.check import Verdict
from huitou.deployment.outside import backup, keys, mlflow, service
from serving.access.errors import Unlocked
from serving.access.scopes import Scope
from serving.settings import ServingSettings
from tests.huitou.deployment.conftest import Deployed
from tests.serving.keyed_shop import add_key
from tests.serving.running import running
from tests.serving.small_shop import AS_OF

EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing listens there


def test_a_service_that_answers_also_where_keys_are_needed(deployed: Deployed, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_key(folder, "any", Scope.DECIDE)
    admin = add_key(folder, "watch", Scope.ADMIN)
    monkeypatch.delenv("HUITOU_API_KEY", raising=False)
    with running(ServingSettings(data_dir=folder, now=AS_OF + timedelta(days=30))) as live:
        situation = deployed(port=int(live.url.rpartition(":")[2]), host=EVERYWHERE)
        unasked = service(situation)
        monkeypatch.setenv("HUITOU_API_KEY", admin)
        asked = service(situation)
    assert unasked.verdict is Verdict.OK
    assert "HUITOU_API_KEY" in unasked.says
    assert asked.verdict is Verdict.WARNING
    assert "names features; features: The features are 30 days old" in asked.says


def test_a_service_without_a_problem(deployed: Deployed, folder: Path) -> None:
    with running(ServingSettings(data_dir=folder)) as live:
        found = service(deployed(port=int(live.url.rpartition(":")[2])))
    assert (found.verdict, found.remedy) == (Verdict.OK, "")


def test_no_service(deployed: Deployed) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: refused
        assert service(deployed(port=held.getsockname()[1])).verdict is Verdict.SKIPPED
    assert service(deployed(port=0)).verdict is Verdict.SKIPPED


def test_a_service_that_hangs(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "_PATIENCE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as listener:  # takes the line and says nothing
        found = service(deployed(port=listener.getsockname()[1]))
    assert found.verdict is Verdict.FAILED
    assert "restart" in found.remedy


def test_keys(deployed: Deployed, folder: Path) -> None:
    assert "this machine only" in keys(deployed()).says
    with pytest.raises(Unlocked, match="huitou keys create"):
        keys(deployed(host=EVERYWHERE))
    add_key(folder, "any", Scope.DECIDE)
    assert keys(deployed(host=EVERYWHERE)).says == "Every route needs a key."


def test_mlflow_away_is_a_warning(deployed: Deployed, folder: Path) -> None:
    found = mlflow(deployed(tracking_uri="http://somebody:secret@127.0.0.1:9", tracking_patience_seconds=0.5))
    assert found.verdict is Verdict.WARNING
    assert "secret" not in found.says
    path = folder / "mlflow.db"
    path.touch()
    assert mlflow(deployed()).verdict is Verdict.OK


def test_backups(deployed: Deployed, tmp_path: Path) -> None:
    assert backup(deployed()).verdict is Verdict.SKIPPED
    kept = tmp_path / "backups"
    assert backup(deployed(backup_dir=kept)).verdict is Verdict.FAILED
    kept.mkdir()
    (kept / "empty.db").touch()
    assert "no backup" in backup(deployed(backup_dir=kept)).says
    made = kept / "ledger.db"
    made.write_text("x")
    taken = (AS_OF - timedelta(hours=24)).timestamp()
    os.utime(made, (taken, taken))
    assert backup(deployed(backup_dir=kept)).verdict is Verdict.OK
    found = backup(deployed(backup_dir=kept, backup_hours=24))
    assert found.verdict is Verdict.FAILED
    assert "25.0 hours" in found.says
