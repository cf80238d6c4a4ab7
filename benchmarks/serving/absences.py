"""What the product does not have, so that nothing is measured of it: looked up, not remembered."""

from __future__ import annotations

import httpx

from benchmarks.serving.running import HOST


def absences(port: int) -> dict[str, str]:
    """Part → why it is not measured.

    Args:
        port: of a running service.
    """
    paths = httpx.get(f"http://{HOST}:{port}/openapi.json", timeout=60).raise_for_status().json()["paths"]
    found = {}
    if not any("batch" in path for path in paths):
        found["a batch of customers in one call"] = "no route takes one"
    return found
