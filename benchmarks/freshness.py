"""How soon an event alters what is answered: `huitou serve` with its worker under a stream of events, measured from outside.

    python -m benchmarks.freshness --data-dir DATA_DIR [--rate 200] [--seconds 60]

The data folder must hold a build with trained models; it is copied, never written. This process streams orders, carts, clicks and stock
levels, picks customers of its own a few times a second, sends an order of theirs, and asks until the answer is another than before: from
the acknowledgement to that answer is what counts. Every customer is measured once.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import queue
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from features.settings import FeatureSettings
from features.warehouse import open_warehouse

_BEAT = 0.05  # seconds between two calls of the stream
_GIVE_UP = 60.0
_ASK_EVERY = 0.1
_MIX = {"Order Completed": 0.2, "Product Added": 0.25, "Product Viewed": 0.5, "stock": 0.05}


@dataclass
class Measured:
    """What was seen."""

    visible: dict[str, list[float]] = field(default_factory=lambda: {"scores": [], "recommendations": [], "sold_out": [], "back": []})
    missed: list[str] = field(default_factory=list)
    latency: dict[str, list[float]] = field(default_factory=dict)
    accepted: int = 0
    behind: list[float] = field(default_factory=list)

    def timed(self, name: str, seconds: float) -> None:
        """Keep one request's time."""
        self.latency.setdefault(name, []).append(seconds)


class Shop:
    """Draws events of customers and products that exist."""

    def __init__(self, data_dir: Path, seed: int) -> None:
        warehouse = open_warehouse(FeatureSettings(data_dir=data_dir))
        self.random = random.Random(seed)  # noqa: S311 - a benchmark's choice
        orders = warehouse.read("orders").drop_nulls("customer_id")
        self.clock = warehouse.last_event + timedelta(minutes=1)
        self.started = time.monotonic()
        ids = orders["customer_id"].unique().sort().to_list()
        self.random.shuffle(ids)
        self.measured, self.others = ids[:600], ids[600:]
        top = warehouse.read("order_lines").group_by("product_id").len().sort("len", "product_id", descending=[True, False])
        self.products = top["product_id"].head(2000).to_list()
        self._number = 0

    def now(self) -> datetime:
        """The shop's time: goes on from the last order of the data as fast as the wall's."""
        return self.clock + timedelta(seconds=time.monotonic() - self.started)

    def event(self, name: str, customer: str, products: list[str] | None = None) -> dict[str, Any]:
        """A track call that happens now."""
        self._number += 1
        chosen = products or self.random.sample(self.products, 3)
        properties: dict[str, Any] = {"product_id": chosen[0]}
        if name == "Order Completed":
            lines = [{"product_id": p, "quantity": 1, "price": 2.5} for p in chosen]
            properties = {"order_id": f"fresh-{self._number}", "products": lines, "total": 2.5 * len(lines)}
        return {
            "type": "track",
            "event": name,
            "messageId": f"fresh-{self._number}-{self.started}",
            "userId": customer,
            "timestamp": self.now().isoformat(),
            "properties": properties,
        }


def stream(base: str, shop: Shop, rate: float, until: float, measured: Measured) -> None:
    """Send the mix at a rate."""
    names, weights = zip(*_MIX.items(), strict=True)
    sent, begun = 0, time.monotonic()
    with httpx.Client(base_url=base, timeout=30) as client:
        while time.monotonic() < until:
            due = int((time.monotonic() - begun + _BEAT) * rate) - sent
            drawn = shop.random.choices(names, weights, k=max(due, 0))
            events = [shop.event(name, shop.random.choice(shop.others)) for name in drawn if name != "stock"]
            levels = [{"product_id": shop.random.choice(shop.products), "quantity": 5} for name in drawn if name == "stock"]
            if events:
                started = time.perf_counter()
                answer = client.post("/v1/events", json=events)
                measured.timed("POST /v1/events", time.perf_counter() - started)
                answer.raise_for_status()
                measured.accepted += answer.json()["accepted"]
            if levels:
                started = time.perf_counter()
                client.put("/v1/stock", json=levels).raise_for_status()
                measured.timed("PUT /v1/stock", time.perf_counter() - started)
                measured.accepted += len(levels)
            sent += len(drawn)
            time.sleep(max(0.0, begun + sent / rate - time.monotonic()))


def ask(base: str, shop: Shop, until: float, measured: Measured, *, every: float = 0.05) -> None:
    """Somebody else's requests, whose latency is measured."""
    with httpx.Client(base_url=base, timeout=30) as client:
        while time.monotonic() < until:
            body = {"customer_id": shop.random.choice(shop.others), "channel": "email"}
            started = time.perf_counter()
            client.post("/v1/next-best-offers", json=body).raise_for_status()
            measured.timed("POST /v1/next-best-offers", time.perf_counter() - started)
            time.sleep(every)


def sample(base: str, shop: Shop, customers: queue.Queue[str], until: float, measured: Measured, *, every: float) -> None:
    """One customer after another: an order, then asking until scores and offers know it."""
    with httpx.Client(base_url=base, timeout=30) as client:
        while time.monotonic() < until:
            begun = time.monotonic()
            while not one(client, shop, customers.get_nowait(), measured):
                pass
            time.sleep(max(0.0, begun + every - time.monotonic()))


def one(client: httpx.Client, shop: Shop, customer: str, measured: Measured) -> bool:
    """Measure one customer by one order of what they are recommended; False for somebody to whom nothing is.

    Not of what they are offered: silence is a lawful answer, and no order changes it.
    """

    def scores() -> Any:  # noqa: ANN401
        return client.get(f"/v1/customers/{customer}/scores").raise_for_status().json()["churn"]

    def recommended() -> set[str]:
        answer = client.post("/v1/recommendations", json={"customer_id": customer, "limit": 10}).raise_for_status().json()
        return {item["product_id"] for item in answer["items"]}

    before, wanted = scores(), sorted(recommended())[:3]
    if not wanted:
        return False
    event = shop.event("Order Completed", customer, wanted)
    client.post("/v1/events", json=[event]).raise_for_status()
    acknowledged = time.monotonic()
    waiting = {"scores", "recommendations"}
    while waiting and time.monotonic() - acknowledged < _GIVE_UP:
        for name in sorted(waiting):
            known = scores() != before if name == "scores" else not (recommended() & set(wanted))
            if known:
                measured.visible[name].append(time.monotonic() - acknowledged)
                waiting.discard(name)
        time.sleep(_ASK_EVERY)
    measured.missed.extend(f"{customer}: {name}" for name in waiting)
    return True


def sell_out(base: str, until: float, measured: Measured) -> None:
    """A popular product sells out and comes back, again and again."""
    with httpx.Client(base_url=base, timeout=30) as client:

        def popular() -> list[str]:
            answer = client.post("/v1/recommendations", json={"limit": 10}).raise_for_status().json()
            return [item["product_id"] for item in answer["items"]]

        while time.monotonic() < until:
            product = popular()[0]
            for quantity, name in ((0, "sold_out"), (100, "back")):
                client.put("/v1/stock", json=[{"product_id": product, "quantity": quantity}]).raise_for_status()
                acknowledged = time.monotonic()
                while (product in popular()) is (quantity == 0) and time.monotonic() - acknowledged < _GIVE_UP:
                    time.sleep(0.05)
                measured.visible[name].append(time.monotonic() - acknowledged)
            time.sleep(1.0)


def watch(base: str, until: float, measured: Measured) -> None:
    """How far behind the service says it is."""
    with httpx.Client(base_url=base, timeout=30) as client:
        while time.monotonic() < until:
            found = re.search(r"^huitou_oldest_event_seconds (\S+)", client.get("/metrics").text, re.MULTILINE)
            if found:
                measured.behind.append(float(found[1]))
            time.sleep(1.0)


@contextlib.contextmanager
def serving(data_dir: Path) -> Iterator[str]:
    """`huitou serve` with its worker on a copy of a data folder; its address."""
    command = [sys.executable, "-m", "huitou", "serve", "--data-dir", str(data_dir), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        assert process.stdout is not None
        said = ""
        while "Stop with" not in said:
            line = process.stdout.readline()
            if not line:
                raise SystemExit("huitou serve ended before it served")
            said += line
        found = re.search(r"http://[\d.]+:\d+", said.replace("\n", ""))
        assert found, said
        while True:  # the address is said before the first answer
            with contextlib.suppress(httpx.ConnectError):
                httpx.get(f"{found[0]}/healthz", timeout=30).raise_for_status()
                break
            time.sleep(0.1)
        yield found[0]
    finally:
        process.terminate()
        process.wait(30)


def run(base: str, data_dir: Path, rate: float, seconds: float, seed: int) -> tuple[Measured, Measured]:
    """A quiet while, then the stream; what was seen in each."""
    shop, quiet, busy = Shop(data_dir, seed), Measured(), Measured()
    ask(base, shop, time.monotonic() + 10, quiet)
    warm = shop.event("Order Completed", shop.measured[-1])
    httpx.post(f"{base}/v1/events", json=[warm], timeout=30).raise_for_status()  # the worker has read the history when this is known
    begun = time.monotonic()
    while time.monotonic() - begun < 120:
        behind = httpx.get(f"{base}/readyz", timeout=30).json()["freshness"]
        if behind is not None and behind["events_behind"] == 0:
            break
        time.sleep(0.2)
    customers: queue.Queue[str] = queue.Queue()
    for customer in shop.measured[:-1]:
        customers.put(customer)
    until = time.monotonic() + seconds
    works = [
        threading.Thread(target=stream, args=(base, shop, rate, until, busy)),
        threading.Thread(target=ask, args=(base, shop, until, busy)),
        threading.Thread(target=sell_out, args=(base, until, busy)),
        threading.Thread(target=watch, args=(base, until, busy)),
        *(threading.Thread(target=sample, args=(base, shop, customers, until, busy), kwargs={"every": 1.0}) for _ in range(3)),
    ]
    for work in works:
        work.start()
    for work in works:
        work.join()
    return quiet, busy


def summary(values: list[float]) -> dict[str, float]:
    """Count, median, p99, greatest."""
    if not values:
        return {"n": 0}
    found = np.percentile(values, [50, 99, 100])
    return {"n": len(values), "median": round(float(found[0]), 4), "p99": round(float(found[1]), 4), "max": round(float(found[2]), 4)}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="huitou-freshness-") as folder:
        copy = Path(folder) / "data"
        shutil.copytree(options.data_dir, copy, ignore=shutil.ignore_patterns(".spill", "mlruns"))
        with serving(copy) as base:
            quiet, busy = run(base, copy, options.rate, options.seconds, options.seed)
    figures = {
        "events a second, acknowledged": round(busy.accepted / options.seconds, 1),
        "seconds from acknowledged to visible": {name: summary(values) for name, values in busy.visible.items()},
        "never visible": busy.missed,
        "oldest waiting event, seconds, as the service says": summary(busy.behind),
        "request seconds, quiet": {name: summary(values) for name, values in quiet.latency.items()},
        "request seconds, meanwhile": {name: summary(values) for name, values in busy.latency.items()},
    }
    text = json.dumps(figures, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text)


if __name__ == "__main__":
    main()
