"""Whether MLflow's server or database is there at all: found out in the patience given, and said in one sentence."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from training.tracking_server import RegistryAway, check_presence


@pytest.mark.parametrize(("status", "present"), [("200 OK", True), ("401 Unauthorized", True), ("503 Service Unavailable", False)])
def test_a_server_that_answers_is_there_unless_its_proxy_says_otherwise(status: str, present: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            if present:
                check_presence(f"http://127.0.0.1:{server.getsockname()[1]}", patience=5, create=False)
            else:
                with pytest.raises(RegistryAway, match="503"):
                    check_presence(f"http://127.0.0.1:{server.getsockname()[1]}", patience=5, create=False)
        finally:
            thread.join()


def test_a_damaged_or_misplaced_tracking_database_is_told_at_once(tmp_path: Path) -> None:
    damaged = tmp_path / "mlflow.db"
    damaged.write_bytes(b"this is no database, " * 100)
    with pytest.raises(RegistryAway, match="cannot be opened"):
        check_presence(f"sqlite:///{damaged}", patience=1, create=True)
    with pytest.raises(RegistryAway, match="cannot be opened"):
        check_presence(f"sqlite:///{damaged}/below/mlflow.db", patience=1, create=True)
    with pytest.raises(RegistryAway, match="no MLflow address"):
        check_presence("mlruns", patience=1, create=True)
