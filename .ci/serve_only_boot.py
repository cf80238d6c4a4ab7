"""Boots the service with nothing but the `serve` extra installed, on an empty data folder, and asks for its health.

A heavy library that slipped into the request path is missing here and stops the boot.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ABSENT = ("ibis", "duckdb", "polars", "pyarrow", "pandas", "feast", "mlflow", "implicit", "sklearn", "matplotlib")
PORT = 18765


def main(data_dir: str) -> None:
    """Boot, ask, stop."""
    present = [name for name in ABSENT if importlib.util.find_spec(name)]
    if present:
        raise SystemExit(f"the serve extra pulls in {', '.join(present)}")
    Path(data_dir).mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "huitou", "serve", "--data-dir", data_dir, "--port", str(PORT)]
    with subprocess.Popen(command) as process:  # noqa: S603 - our own command
        try:
            health = wait_for(f"http://127.0.0.1:{PORT}/healthz", process)
            sys.stdout.write(f"serve-only boot: {json.dumps(health)}\n")
        finally:
            process.terminate()


def wait_for(address: str, process: subprocess.Popen[bytes]) -> dict[str, object]:
    """The first answer, within 30 seconds."""
    for _ in range(300):
        if process.poll() is not None:
            raise SystemExit("the service stopped before it answered")
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - loopback
                return dict(json.load(answer))
        except urllib.error.URLError:
            time.sleep(0.1)
    raise SystemExit("the service did not answer within 30 seconds")


if __name__ == "__main__":
    main(sys.argv[1])
