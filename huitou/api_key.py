"""The key with which commands that ask a running API prove themselves, where it demands one."""

from __future__ import annotations

import os

VARIABLE = "HUITOU_API_KEY"


def json_headers() -> dict[str, str]:
    """Headers of a request with a JSON body; with the key of the environment, if there is one."""
    key = os.environ.get(VARIABLE, "").strip()
    return {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
