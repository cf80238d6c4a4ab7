"""`python -m benchmarks.serving --quick` from an empty folder: that it runs through and says everything; its figures say nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(600)  # a service many times, on machines that may be busy
ROOT = Path(__file__).parents[2]


def test_everything_runs(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.serving", "--quick", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((tmp_path / "serving.json").read_text())
    assert set(told) == {"machine", "ratios", "measured", "absent"}
    for wanted in (
        "throughput: huitou, warm ÷ bare FastAPI",
        "throughput: huitou, warm ÷ usual way",
        "requests a CPU-second: huitou, warm ÷ usual way",
        "throughput: huitou, warm ÷ mlflow, signature",
        "throughput: huitou, warm, Redis ÷ bare FastAPI",
        "latency at one connection, p99: huitou, warm ÷ bare FastAPI",
        "driver ceiling: raw ASGI ÷ huitou, warm",
        "p99 of what is accepted at 3 times what it can do ÷ unloaded: huitou, warm",
        "two workers ÷ one, requests a CPU-second",
        "a customer in a batch of 300 ÷ a call, warm, CPU seconds",
        "second worker's added memory ÷ the first's",
        "second worker's added memory ÷ the first's, at the start",
        "score ÷ bare predict, CPU seconds",
        "score, peak MB",
        "online load, seconds",
        "online load, peak MB",
        "online load: Feast ÷ huitou, CPU seconds",
    ):
        assert set(told["ratios"][wanted]) == {"value", "low", "high", "goal", "at_least", "note", "met"}
    assert {
        "16 connection(s)",
        "1 connection(s)",
        "answers of huitou, cold",
        "open loop, huitou, warm",
        "workers",
        "score",
        "online load",
    } <= set(told["measured"])
    assert told["measured"]["answers of huitou, cold"]["arbitrated"] > 5
    assert "throughput: huitou, warm ÷ usual way" in done.stdout
    (shop,) = (found for found in tmp_path.iterdir() if found.is_dir())
    assert {"data", "usual", "mlflow", "prepared.json"} == {found.name for found in shop.iterdir()}
