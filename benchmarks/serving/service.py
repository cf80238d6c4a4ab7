"""`huitou serve` on a copy of the made-up shop, with its written offers fed through the API."""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.serving.running import HOST, Server, free_port
from benchmarks.serving.shop_orders import customer_ids
from benchmarks.serving.shop_size import ShopSize
from benchmarks.serving.written_offers import written_offers

PATH = "/v1/next-best-offers"
_ASKED = 2_000  # customers: more than any cache of a processor holds, few enough to be asked about before a run
CHANNEL = "mini_programme"  # the customer is here: nothing is sent, so that the contact policy does not silence who is asked about again
_SERVED = ("online", "models", "ledger.db", "assumptions.toml")
_AT_A_TIME = 500
_FED = 30.0  # seconds until what was fed must be in answers


@dataclass(frozen=True)
class Asked:
    """What a typical request is answered with.

    Attributes:
        candidates: offers made for the customer, dropped ones too; median.
        arbitrated: of them, those that were valued and stood against each other; median.
        answer_bytes: median length.
    """

    candidates: float
    arbitrated: float
    answer_bytes: float


def copy_of(data_dir: Path, target: Path) -> Path:
    """What a service needs of a data folder, in a folder of its own."""
    target.mkdir(parents=True)
    for name in _SERVED:
        found = data_dir / name
        if found.is_dir():
            shutil.copytree(found, target / name)
        elif found.is_file():
            shutil.copyfile(found, target / name)
    return target


def serve(data_dir: Path, log: Path, *, environment: Mapping[str, str] | None = None, arguments: Sequence[str] = ()) -> Server:
    """`huitou serve` without the worker that refreshes features: nothing comes in."""
    port = free_port()
    command = [sys.executable, "-m", "huitou", "serve", "--data-dir", str(data_dir), "--port", str(port), "--no-worker", *arguments]
    return Server(command, port=port, log=log, environment=environment)


def feed_offers(port: int, size: ShopSize) -> None:
    """Write the offers through `PUT /v1/offers` and wait until answers weigh them.

    Raises:
        RuntimeError: one was refused, or they are in no answer in time.
    """
    with httpx.Client(base_url=f"http://{HOST}:{port}", timeout=120) as client:
        documents = written_offers(size, _clock(client))
        for start in range(0, len(documents), _AT_A_TIME):
            answer = client.put("/v1/offers", json=documents[start : start + _AT_A_TIME]).raise_for_status().json()
            if answer["refused"]:
                raise RuntimeError(f"Offers were refused: {answer['items'][:3]}")
        end = time.monotonic() + _FED
        seen = [one["offer_id"] for one in documents if one["type"] == "content"]  # of a type that is weighed for everybody
        last = seen[-1] if seen else ""
        while last and time.monotonic() < end:
            if last in json.dumps(explained(client, {"customer_id": customer_ids(size)[0], "channel": CHANNEL})):
                return
            time.sleep(0.2)
    if last:
        raise RuntimeError("The offers that were fed are in no answer.")


def _clock(client: httpx.Client) -> Any:  # noqa: ANN401 - an ISO 8601 text, read where it is used
    from datetime import datetime

    return datetime.fromisoformat(client.get("/readyz").json()["as_of"])


def explained(client: httpx.Client, body: dict[str, Any]) -> dict[str, Any]:
    """One answer with everything that fell."""
    answer: dict[str, Any] = client.post(PATH, json={**body, "explain": True}).raise_for_status().json()
    return answer


def bodies_of(size: ShopSize, *, channel: str = CHANNEL, limit: int = 3) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """One request about each customer, in an order that is the same every time: those that are asked about, and the others."""
    ids = customer_ids(size)
    step = 7919  # a prime that no size here is a multiple of: visits everybody, neighbours far apart
    told = [{"customer_id": ids[i * step % len(ids)], "channel": channel, "limit": limit} for i in range(len(ids))]
    return told[:_ASKED], told[_ASKED:]


def write_bodies(path: Path, size: ShopSize, *, channel: str = CHANNEL, limit: int = 3) -> Path:
    """One request a line, so many customers once each."""
    asked, _ = bodies_of(size, channel=channel, limit=limit)
    path.write_text("".join(f"{json.dumps(one)}\n" for one in asked), encoding="utf-8")
    return path


def ask_everybody(port: int, bodies: Path) -> None:
    """Ask once about everybody who will be asked about."""
    with httpx.Client(base_url=f"http://{HOST}:{port}", timeout=60) as client:
        for line in bodies.read_text(encoding="utf-8").splitlines():
            client.post(PATH, content=line, headers={"content-type": "application/json"}).raise_for_status()


def typical(port: int, bodies: Path, *, customers: int = 60) -> Asked:
    """What some of the requests are answered with.

    Raises:
        RuntimeError: answers are degraded: something does not work, and a figure would say nothing.
    """
    candidates, arbitrated, length = [], [], []
    with httpx.Client(base_url=f"http://{HOST}:{port}", timeout=60) as client:
        for line in bodies.read_text(encoding="utf-8").splitlines()[:customers]:
            answer = explained(client, json.loads(line))
            if answer["degraded"]:
                raise RuntimeError(f"The answers are degraded: {answer['degraded_reasons']}")
            told = [*answer["offers"], *answer["dropped"]]
            candidates.append(len(told))
            arbitrated.append(sum(one["expected_value"] is not None for one in told))
            length.append(len(client.post(PATH, json=json.loads(line)).raise_for_status().content))
    return Asked(statistics.median(candidates), statistics.median(arbitrated), statistics.median(length))
