"""What a customer costs in a batch of 500, beside a call of their own: of customers asked about before, and of others."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

import httpx

from benchmarks.serving.cpu_seconds import cpu_seconds
from benchmarks.serving.figures import Figures, ratio_of
from benchmarks.serving.running import HOST, Running
from benchmarks.serving.service import PATH

BATCH = f"{PATH}/batch"
_AT_ONCE = 500
_GOAL = 0.15


def measure_batches(server: Running, asked: Sequence[dict[str, Any]], others: Sequence[dict[str, Any]], figures: Figures) -> None:
    """Ask one by one and all together, in turn; ratios of processor time and of time into `figures`.

    Args:
        server: that remembers who was asked about.
        asked: bodies about customers asked about before; asked again and again.
        others: about customers never asked about, each used once.
        figures: gets them.
    """
    for name, source, rounds in (("warm", itertools.cycle(asked), 3), ("first asked about", iter(others), 2)):
        size = min(_AT_ONCE, len(asked) if name == "warm" else len(others) // (2 * rounds))
        if not size:
            figures.absent[f"a batch of customers {name}"] = "everybody of this shop was asked about"
            continue
        singles: list[tuple[float, float]] = []
        batches: list[tuple[float, float]] = []
        with httpx.Client(base_url=f"http://{HOST}:{server.port}", timeout=120) as client:
            for _ in range(rounds):
                singles.append(_spent(server, client, PATH, _taken(source, size)))
                batches.append(_spent(server, client, BATCH, [{"requests": _taken(source, size)}]))
        for place, what in ((0, "CPU seconds"), (1, "seconds")):
            figures.ratios[f"a customer in a batch of {size} ÷ a call, {name}, {what}"] = ratio_of(
                [one[place] for one in batches], [one[place] for one in singles], goal=_GOAL, at_least=False
            )


def _taken(source: Iterator[dict[str, Any]], size: int) -> list[dict[str, Any]]:
    return list(itertools.islice(source, size))


def _spent(server: Running, client: httpx.Client, path: str, bodies: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """Processor seconds of the server and seconds that some calls take."""
    texts = [json.dumps(body).encode() for body in bodies]
    before, began = _cpu(server), time.perf_counter()
    for text in texts:
        client.post(path, content=text, headers={"content-type": "application/json"}).raise_for_status()
    ended = time.perf_counter()
    time.sleep(0.3)  # the records' commit belongs to it
    return _cpu(server) - before, ended - began


def _cpu(server: Running) -> float:
    return sum(cpu_seconds(pid) for pid in server.pids)
