"""Every process of the unit files and of the compose file starts, does its work or answers, and ends when it is told to."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from serving.access.scopes import Scope
from tests.conftest import SampleBuild
from tests.deploy.deployment import DEPLOY, ROOT, compose, ours, process, started
from tests.serving.keyed_shop import add_key
from tests.serving.small_shop import ASSUMPTIONS, write_small_shop

_SECONDS = 120.0  # at most, on a busy machine
TOLD_TO_END = (0, -signal.SIGTERM)  # uvicorn finishes what it took and then ends by the signal it got; systemd counts that as well done
SERVICES = compose()["services"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(true: Callable[[], bool], running: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + _SECONDS
    while not true():
        assert running.stderr is not None
        assert running.poll() is None, running.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def answer(port: int, path: str, key: str = "") -> tuple[int, str]:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        line.request("GET", path, headers={"authorization": f"Bearer {key}"} if key else {})
        got = line.getresponse()
        return got.status, got.read().decode()
    finally:
        line.close()


def answers(port: int, path: str) -> bool:
    with contextlib.suppress(OSError, http.client.HTTPException):
        return answer(port, path)[0] == 200
    return False


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    write_small_shop(folder)
    (folder / "assumptions.toml").write_text(ASSUMPTIONS, encoding="utf-8")
    return folder


@pytest.fixture
def commands(tmp_path: Path) -> str:
    """A PATH on which `huitou` is this checkout and `mlflow` this environment's."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, module in (("huitou", "huitou"), ("mlflow", "mlflow")):
        (folder / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n', encoding="utf-8")
        (folder / name).chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def test_the_api_of_the_compose_file_locked_and_read_by_prometheus(shop: Path, tmp_path: Path) -> None:
    key, port = add_key(shop, "prometheus", Scope.ADMIN), free_port()
    (tmp_path / "ledger_url").write_text(f"sqlite:///{shop / 'ledger.db'}\n")
    told = SERVICES["api"]["environment"]
    environment = told | {"HUITOU_DATA_DIR": str(shop), "HUITOU_LEDGER_URL_FILE": str(tmp_path / "ledger_url")}
    environment["HUITOU_TRACKING_URI"] = "http://127.0.0.1:9"  # away: nothing here needs it
    assert environment.keys() == told.keys()
    environment["HUITOU_LOG_LEVEL"] = "info"
    command = ours(SERVICES["api"]["command"])
    command[command.index("--port") + 1] = str(port)
    with process(command, environment) as running:
        until(lambda: answers(port, "/healthz"), running)
        checked = SERVICES["api"]["healthcheck"]["test"][1:]
        assert checked[0] == "python"
        subprocess.run([sys.executable, *(part.replace(":8000", f":{port}") for part in checked[1:])], check=True, timeout=30)
        (job,) = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yaml").read_text(encoding="utf-8"))["scrape_configs"]
        assert answer(port, job["metrics_path"])[0] == 401
        status, text = answer(port, job["metrics_path"], key)
        assert status == 200
        assert 'huitou_model_info{model="items"' in text
        running.terminate()
        said = running.communicate(timeout=30)[1].splitlines()
    assert "/metrics" in {json.loads(line).get("route") for line in said}
    assert running.returncode in TOLD_TO_END


def test_the_api_of_the_unit_answers(shop: Path) -> None:
    (command,) = started("huitou-api.service")
    port = free_port()
    with process(ours(command), {"HUITOU_DATA_DIR": str(shop), "HUITOU_PORT": str(port)}) as running:
        until(lambda: answers(port, "/readyz"), running)
        doctor = ours(started("huitou-nightly.service")[-1])
        well = subprocess.run(
            doctor,
            capture_output=True,
            text=True,
            env={**os.environ, "HUITOU_DATA_DIR": str(shop), "HUITOU_PORT": str(port)},
            cwd=ROOT,
            check=False,
        )
        assert well.returncode == 0, well.stdout
        assert f"It answers on 127.0.0.1:{port}." in well.stdout
    assert running.returncode in TOLD_TO_END


def test_the_worker_follows_and_ends(sample_build: SampleBuild, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(sample_build.settings.data_dir, folder)
    (command,) = started("huitou-worker.service")
    assert command[1:] == SERVICES["worker"]["command"][1:], "both run the same"

    def at_work() -> bool:
        lock = folder / ".work.lock"
        if not lock.is_file():
            return False
        with lock.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False

    with process(ours(command), {"HUITOU_DATA_DIR": str(folder)}) as running:
        until(at_work, running)
    assert running.returncode == 0


def test_the_night_of_both_builds_trains_and_keeps(sample_build: SampleBuild, tmp_path: Path, commands: str) -> None:
    folder = tmp_path / "data"
    shutil.copytree(sample_build.settings.data_dir, folder)
    shell, flag, script = SERVICES["nightly"]["command"]
    of_unit = [" ".join(["huitou", *command[1:]]) for command in started("huitou-nightly.service")[:-1]]
    assert [one.strip(" {};") for part in script.split("&&") for one in part.split(";") if one.strip(" {};")] == of_unit, "both do the same"
    # One small model stands for all: training every one is tested where it is written.
    done = subprocess.run(
        [shell, flag, script.replace("huitou train", "huitou train items")],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": commands, "HUITOU_DATA_DIR": str(folder)},
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "models" / "items" / "CHAMPION").is_file()


def test_mlflow_of_the_compose_file_answers_under_its_name(tmp_path: Path, commands: str) -> None:
    port, secrets = free_port(), tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "mlflow_url").write_text(f"sqlite:///{tmp_path / 'mlflow.db'}\n")
    shell, flag, script = SERVICES["mlflow"]["command"]
    script = script.replace("$$", "$").replace("/run/secrets", str(secrets)).replace("/artifacts", str(tmp_path / "artifacts"))
    script = script.replace("--port 5000", f"--port {port}").replace("0.0.0.0", "127.0.0.1")  # noqa: S104
    script = script.replace("127.0.0.1:5000", f"127.0.0.1:{port}")
    with process([shell, flag, script], {"PATH": commands, **SERVICES["mlflow"]["environment"]}) as running:
        until(lambda: answers(port, "/health"), running)
        for name, status in (("mlflow:5000", 200), ("elsewhere.example", 403)):
            line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            line.request("GET", "/api/2.0/mlflow/experiments/search?max_results=1", headers={"host": name})
            assert line.getresponse().status == status, name
            line.close()
