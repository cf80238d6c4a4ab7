"""Boots the service with nothing but the `serve` extra installed, on a built and trained shop, and asks for an offer.

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
from typing import Any

ABSENT = ("ibis", "duckdb", "polars", "pyarrow", "pandas", "feast", "mlflow", "implicit", "sklearn", "matplotlib")
ADDRESS = "http://127.0.0.1:18765"


def main(data_dir: str) -> None:
    """Boot, ask, stop."""
    present = [name for name in ABSENT if importlib.util.find_spec(name)]
    if present:
        raise SystemExit(f"the serve extra pulls in {', '.join(present)}")
    command = [sys.executable, "-m", "huitou", "serve", "--data-dir", data_dir, "--port", ADDRESS.rsplit(":", 1)[1]]
    with subprocess.Popen(command) as process:  # noqa: S603 - our own command
        try:
            wait(process)
            ready = ask("/readyz")
            loaded = [name for name, model in ready["models"].items() if model["version"]]
            if loaded != ["return_hazard", "items"]:
                raise SystemExit(f"expected two models, loaded {loaded}: {ready['problems']}")
            for body in ({"customer_id": "c000"}, {"personalized": False}):
                answer = ask("/v1/next-best-offers", body)
                sys.stdout.write(f"serve-only: {answer['stage']}, {[offer['type'] for offer in answer['offers']]}\n")
            if b"swagger" not in urllib.request.urlopen(f"{ADDRESS}/docs", timeout=5).read():  # noqa: S310 - loopback
                raise SystemExit("the API's page is not there")
        finally:
            process.terminate()


def wait(process: subprocess.Popen[bytes]) -> None:
    """Until it answers, at most 30 seconds."""
    for _ in range(300):
        if process.poll() is not None:
            raise SystemExit("the service stopped before it answered")
        try:
            ask("/healthz")
        except urllib.error.URLError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the service did not answer within 30 seconds")


def ask(path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """GET, or POST when there is a body."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(ADDRESS + path, data=data, headers={"content-type": "application/json"})  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
        return dict(json.load(answer))


if __name__ == "__main__":
    main(sys.argv[1])
