"""Which versions are champions, asked of MLflow's own database and of something that speaks as its server does."""

from __future__ import annotations

import http.server
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import mlflow
import pytest

from training.champion_aliases import champions, new_champions
from training.local_models import VersionRef
from training.settings import TrainingSettings
from training.tracking_server import RegistryAway

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*noload:DeprecationWarning"),
]


def test_of_mlflows_own_database(tmp_path: Path) -> None:
    settings = TrainingSettings(data_dir=tmp_path)
    with pytest.raises(RegistryAway, match="no tracking database"):
        champions(settings, ["items"])
    client = mlflow.MlflowClient(tracking_uri=settings.tracking_uri, registry_uri=settings.tracking_uri)
    run = client.create_run(client.create_experiment("e", artifact_location=str(tmp_path / "artifacts"))).info.run_id
    for name in ("items", "value", "others"):
        client.create_registered_model(name)
        for _ in range(2):
            client.create_model_version(name, source=str(tmp_path), run_id=run)
    client.set_registered_model_alias("items", "champion", "2")
    client.set_registered_model_alias("items", "previous", "1")
    client.set_registered_model_alias("others", "champion", "1")
    assert champions(settings, ["items", "value"]) == {"items": VersionRef(version="2", run_id=run)}
    client.set_registered_model_alias("items", "champion", "1")
    assert champions(settings, ["items"])["items"].version == "1"
    assert new_champions(settings, ["items", "value"]) == ["items"]
    pointer = tmp_path / "models" / "items" / "CHAMPION"
    pointer.parent.mkdir(parents=True)
    pointer.write_text("{}")
    assert new_champions(settings, ["items"]) == ["items"]  # fetching heals it


def test_a_damaged_database_is_an_absence(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(RegistryAway):
        champions(TrainingSettings(data_dir=tmp_path), ["items"])


class _Server(http.server.BaseHTTPRequestHandler):
    """Answers as MLflow 3.17's server was seen to."""

    status, seen = 200, list[tuple[str, str | None]]()

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        name = parse_qs(address.query).get("name", [""])[0]
        self.seen.append((address.path, self.headers["authorization"]))
        found: dict[str, Any] = {"model_version": {"name": name, "version": "7", "run_id": "ab12"}}
        status = 200 if address.path == "/health" or name == "items" else 404
        self.send_response(self.status if name else status)
        if name and name != "items":
            found = {"error_code": "RESOURCE_DOES_NOT_EXIST"}
        self.end_headers()
        self.wfile.write(json.dumps(found).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    _Server.status = 200
    _Server.seen.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_of_a_server_with_a_password(tmp_path: Path, address: str) -> None:
    settings = TrainingSettings(data_dir=tmp_path, tracking_uri=f"http://me:secret@{address}")
    assert champions(settings, ["items"]) == {"items": VersionRef(version="7", run_id="ab12")}
    assert _Server.seen[-1] == ("/api/2.0/mlflow/registered-models/alias", "Basic bWU6c2VjcmV0")


def test_a_server_that_refuses_is_an_absence(tmp_path: Path, address: str) -> None:
    _Server.status = 403
    with pytest.raises(RegistryAway, match="HTTP 403"):
        champions(TrainingSettings(data_dir=tmp_path, tracking_uri=f"http://{address}"), ["items"])
    _Server.status = 404
    assert champions(TrainingSettings(data_dir=tmp_path, tracking_uri=f"http://{address}"), ["items"]) == {}


def test_a_server_that_hangs_is_given_up_in_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = TrainingSettings(
            data_dir=tmp_path, tracking_uri=f"http://127.0.0.1:{silent.getsockname()[1]}", tracking_patience_seconds=0.2
        )
        began = time.monotonic()
        with pytest.raises(RegistryAway, match="cannot be reached"):
            champions(settings, ["items"])
        assert time.monotonic() - began < 5
