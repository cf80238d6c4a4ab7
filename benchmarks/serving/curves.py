"""How cost grows: with the offers that are written, the items that are ranked, the customers that are read."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.serving.figures import Figures
from benchmarks.serving.running import drive
from benchmarks.serving.scoring import many_scored
from benchmarks.serving.service import PATH, copy_of, feed_offers, serve, typical, write_bodies
from benchmarks.serving.shop_size import ShopSize
from features.recent import RecentPurchases
from features.store import SqliteCustomerReader
from features.versions import current_folder
from training import local_models
from training.artifacts.items import ItemModel

OFFERS, ITEMS, CUSTOMERS = (50, 500, 5_000), (1_000, 10_000, 100_000, 1_000_000), (10_000, 100_000, 1_000_000)
_ASKED = 200  # times each in-process figure is taken; the median counts
_TOP = 20

Point = dict[str, float]


def measure_curves(data_dir: Path, size: ShopSize, work: Path, figures: Figures, *, seconds: float) -> None:
    """All curves into `figures`, and their plot beside it."""
    curves: dict[str, Any] = {
        "offers": [_with_offers(data_dir, size.with_offers(count), work / f"offers-{count}", seconds) for count in OFFERS],
        "items": _with_items(_items(data_dir)),
        "customers": [_with_customers(data_dir, work / f"customers-{count}", count) for count in CUSTOMERS],
    }
    figures.measured["curves"] = curves
    figures.absent["approximate neighbours from 100,000 items"] = "the item model ranks exactly, whatever their number"


def _with_offers(data_dir: Path, size: ShopSize, work: Path, seconds: float) -> Point:
    """Throughput and latency against one number of written offers."""
    work.mkdir()
    server = serve(copy_of(data_dir, work / "data"), work / "log")
    try:
        running = server.ready()
        feed_offers(running.port, size)
        bodies = write_bodies(work / "bodies.jsonl", size)
        many, one = (drive([running], PATH, bodies, connections=c, seconds=seconds) for c in (16, 1))
        weighed = typical(running.port, bodies, customers=20).arbitrated
    finally:
        server.end()
    return {
        "offers": size.offers,
        "arbitrated": weighed,
        "per second": round(many.requests / many.seconds, 1),
        "per CPU-second": round(many.requests / many.server_cpu_seconds, 1) if many.server_cpu_seconds else 0.0,
        "p50 ms": one.latency_ms["p50"],
        "p99 ms": one.latency_ms["p99"],
    }


def _items(data_dir: Path) -> ItemModel:
    champion = local_models.champion(data_dir, "items")
    assert champion is not None
    return ItemModel.load(local_models.model_folder(data_dir, "items", champion.ref))


def _with_items(model: ItemModel) -> list[Point]:
    """The best of so many items for a customer who bought twenty of them: what the product's item model does, CPU time."""
    points = []
    random = np.random.default_rng(1)
    for count in ITEMS:
        drawn = random.integers(0, len(model.product_ids), count)
        noise = random.normal(0.0, 0.01, (count, model.factors.shape[1])).astype(np.float32)
        larger = replace(
            model,
            product_ids=np.array([f"n{i:07d}" for i in range(count)]),
            factors=model.factors[drawn] + noise,
            buyers=model.buyers[drawn],
            recent_buyers=model.recent_buyers[drawn],
        )
        bought = random.choice(count, 20, replace=False)
        recent = RecentPurchases(
            product_ids=larger.product_ids[bought],
            purchases=np.ones(20, np.int32),
            days_since_last=np.arange(20, dtype=np.float32),
            orders=10,
        )
        seconds = _median(partial(_best, larger, recent), times=20 if count > 200_000 else _ASKED)
        points.append({"items": count, "CPU ms": round(seconds * 1000, 3)})
    return points


def _best(model: ItemModel, recent: RecentPurchases) -> object:
    return model.best(model.logits(recent), _TOP)


def _with_customers(data_dir: Path, work: Path, count: int) -> Point:
    """One customer's read from a store of so many, CPU time: numbers only, as in the online load."""
    work.mkdir()
    shop = many_scored(data_dir, work, count, stated=False)
    folder = current_folder(shop / "online", remedy="prepare the shop again.")
    reader = SqliteCustomerReader(folder)
    try:
        drawn = iter(np.random.default_rng(2).integers(0, count, 10 * _ASKED).tolist())
        seconds = _median(lambda: reader.read(f"m{next(drawn):08d}"), times=_ASKED)
    finally:
        reader.close()
    return {"customers": count, "CPU ms": round(seconds * 1000, 4)}


def _median(work: Callable[[], object], *, times: int) -> float:
    work()
    found = []
    for _ in range(times):
        began = time.process_time_ns()
        work()
        found.append((time.process_time_ns() - began) / 1e9)
    return float(np.median(found))


def plot(figures: Figures, path: Path) -> None:
    """The curves as one picture of four."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    curves = figures.measured["curves"]
    figure, axes = pyplot.subplots(2, 2, figsize=(10, 7), constrained_layout=True)
    parts = (
        ("offers", "per CPU-second", "written offers", "requests a CPU-second, 16 connections"),
        ("offers", "p50 ms", "written offers", "median latency, one connection, ms"),
        ("items", "CPU ms", "items", "best 20 items, CPU ms"),
        ("customers", "CPU ms", "customers online", "one customer's read, CPU ms"),
    )
    for axis, (curve, what, x, y) in zip(axes.flat, parts, strict=True):
        points = curves[curve]
        axis.plot([point[curve] for point in points], [point[what] for point in points], marker="o")
        axis.set(xscale="log", xlabel=x, ylabel=y)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
