"""How cost grows: with the offers that are written, the items that are ranked, the customers that are read, the workers that answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.serving.direct_rows import direct_rows
from benchmarks.serving.figures import Figures
from benchmarks.serving.item_factors import by_score_alone, real_items, so_many
from benchmarks.serving.running import drive
from benchmarks.serving.service import PATH, copy_of, feed_offers, serve, typical, write_bodies
from benchmarks.serving.shop_size import ShopSize
from features.recent import RecentPurchases
from features.settings import FeatureSettings
from features.store import PACKED_FILE, SqliteCustomerReader
from features.versions import current_folder
from training import local_models
from training.artifacts.items import ItemModel, ItemTaste

_ASKED = 300  # reads; the median counts
_WARMING = 3  # times as long as is measured
_TASTES = 40
_TOP = 20
_LABELS = {"all looked at, CPU ms": "looking at all", "score alone, CPU ms": "huitou, by the score alone", "CPU ms": "huitou"}
_REMEDY = "prepare the shop again."

Point = dict[str, float]


@dataclass(frozen=True)
class Counts:
    """How many of each."""

    offers: tuple[int, ...] = (50, 500, 5_000)
    items: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)
    customers: tuple[int, ...] = (10_000, 100_000, 1_000_000, 10_000_000)
    workers: tuple[int, ...] = (1, 2)


QUICK_COUNTS = Counts(offers=(10, 40), items=(1_000, 60_000), customers=(1_000, 10_000))


def measure_curves(data_dir: Path, size: ShopSize, work: Path, figures: Figures, *, seconds: float, counts: Counts) -> None:
    """All curves into `figures`."""
    items, whose = real_items(_items(data_dir))
    with threadpool_limits(1, "blas"):  # as `huitou serve` has it
        by_items = [_with_items(items, count) for count in counts.items]
    figures.measured["curves"] = {
        "items": by_items,
        "items are": whose,
        "customers": [_with_customers(data_dir, work, count) for count in counts.customers],
        "offers": [_answering(data_dir, size.with_offers(count), work / f"offers-{count}", seconds) for count in counts.offers],
        "workers": [_answering(data_dir, size, work / f"workers-{count}", seconds, workers=count) for count in counts.workers],
    }


def _answering(data_dir: Path, size: ShopSize, work: Path, seconds: float, *, workers: int = 1) -> Point:
    """Throughput and latency against one number of written offers and of workers; the service has one core."""
    work.mkdir()
    server = serve(copy_of(data_dir, work / "data"), work / "log", arguments=("--workers", str(workers)))
    try:
        running = server.ready()
        feed_offers(running.port, size)
        bodies = write_bodies(work / "bodies.jsonl", size)
        drive([running], PATH, bodies, connections=16, seconds=_WARMING * seconds)  # each worker remembers customers for itself
        many, one = (drive([running], PATH, bodies, connections=c, seconds=seconds) for c in (16, 1))
        weighed = typical(running.port, bodies, customers=20).arbitrated
    finally:
        server.end()
    return {
        "offers": size.offers,
        "workers": workers,
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


def _with_items(model: ItemModel, count: int) -> Point:
    """The best of so many items, CPU time: as the product finds them, by looking at all, and ranked by the inner product alone."""
    larger = so_many(model, count)
    alone = by_score_alone(larger)
    point: Point = {"items": count}
    for name, one in (("", larger), ("score alone, ", alone)):
        tastes = list(_tastes(one))
        point[f"{name}CPU ms"] = _median(lambda taste, one=one: one.best_for(taste, _TOP), tastes)
        if one.ranked is not None:
            proof = one.ranked.proof([taste.factor for taste in tastes])
            point |= {f"{name}looked at": round(proof.looked_at, 4), f"{name}recall@20": proof.recall}
    point["all looked at, CPU ms"] = _median(lambda taste: larger.best(larger.logits_of(taste), _TOP), list(_tastes(larger)))
    return point


def _tastes(model: ItemModel) -> Iterator[ItemTaste]:
    """Of customers who bought twenty products, drawn by popularity."""
    random, shares = np.random.default_rng(2), model.buyers / model.buyers.sum()
    for _ in range(_TASTES):
        bought = np.unique(random.choice(len(shares), 20, p=shares))
        ones = np.ones(len(bought))
        recent = RecentPurchases(model.product_ids[bought], ones.astype(np.int32), np.arange(len(bought), dtype=np.float32), 10)
        taste = model.taste(recent)
        assert taste is not None
        yield taste


def _with_customers(data_dir: Path, work: Path, count: int) -> Point:
    """One customer's read from a store of so many: numbers only, as in the online load."""
    offline = current_folder(FeatureSettings(data_dir=data_dir).features_dir, remedy=_REMEDY)
    folder = work / f"customers-{count}"
    folder.mkdir()
    direct_rows(current_folder(data_dir / "online", remedy=_REMEDY), offline / PACKED_FILE, folder, count)
    reader = SqliteCustomerReader(folder)
    try:
        drawn = [f"m{number:08d}" for number in np.random.default_rng(2).integers(0, count, _ASKED).tolist()]
        milliseconds = _median(reader.read, drawn)
    finally:
        reader.close()
        (folder / "online.db").unlink()  # seventeen gigabytes, for ten millions
    return {"customers": count, "CPU ms": milliseconds}


def _median(work: Callable[[Any], object], things: list[Any]) -> float:
    work(things[0])
    found = []
    for thing in things:
        began = time.process_time_ns()
        work(thing)
        found.append((time.process_time_ns() - began) / 1e6)
    return round(float(np.median(found)), 4)


def plot(figures: Figures, path: Path) -> None:
    """The curves as one picture of six."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    curves = figures.measured["curves"]
    figure, axes = pyplot.subplots(2, 3, figsize=(14, 7), constrained_layout=True)
    parts = (
        ("offers", ("per CPU-second",), "written offers", "decisions a CPU-second"),
        ("items", ("all looked at, CPU ms", "score alone, CPU ms", "CPU ms"), "items", "best 20 for a customer, CPU ms"),
        ("customers", ("CPU ms",), "customers online", "one customer's read, CPU ms"),
        ("offers", ("p50 ms", "p99 ms"), "written offers", "latency at one connection, ms"),
        ("workers", ("per CPU-second",), "workers", "decisions a CPU-second"),
        ("workers", ("p50 ms", "p99 ms"), "workers", "latency at one connection, ms"),
    )
    for axis, (curve, lines, x, y) in zip(axes.flat, parts, strict=True):
        for what in lines:
            axis.plot(
                [point[curve] for point in curves[curve]],
                [point[what] for point in curves[curve]],
                marker="o",
                label=_LABELS.get(what, what),
            )
        axis.set(xlabel=x, ylabel=y)
        if curve == "workers":
            axis.set_xticks([point[curve] for point in curves[curve]])
        else:
            axis.set_xscale("log")
        if curve == "items":
            axis.set_yscale("log")
        else:
            axis.set_ylim(0, 1.1 * max(point[what] for point in curves[curve] for what in lines))
        if len(lines) > 1:
            axis.legend()
        axis.grid(alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)
    pyplot.close(figure)
