"""What a second worker gives and takes: requests a CPU-second, and the memory that it does not share with the first."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from benchmarks.serving.cpu_seconds import proportional_mb
from benchmarks.serving.driver import Driven
from benchmarks.serving.figures import Figures, ratio_of
from benchmarks.serving.running import ROOT, Running, Server, drive
from benchmarks.serving.service import PATH, copy_of, feed_offers, serve, write_bodies
from benchmarks.serving.shop_size import ShopSize

_OPTION = "--workers"
_SETTLED = 1.0  # seconds after which what was shared at the start has been written to, or not


def measure_workers(data_dir: Path, size: ShopSize, work: Path, figures: Figures, *, seconds: float, rounds: int) -> None:
    """One worker beside two, in turn, on the same core; figures and ratios go into `figures`.

    Where `huitou serve` knows no workers, two whole processes on one data folder stand for them.
    """
    bodies, option = write_bodies(work / "bodies.jsonl", size), _has_option()
    servers: list[Server] = []
    try:
        counts = (1, 2) if option else (1, 1)
        for number, count in enumerate(counts):
            folder = work / f"workers-{number}" if option else work / "workers"
            if not folder.is_dir():
                _with_offers(data_dir, folder, size)
            servers.append(serve(folder, work / f"workers-{number}.log", arguments=(_OPTION, str(count)) if option else ()))
        first, second = (server.ready() for server in servers)
        single, double = [first], [second] if option else [first, second]
        time.sleep(_SETTLED)
        alone_begun, both_begun = (_memory(some) for some in (single, double))
        runs = _in_turn(single, double, bodies, seconds=seconds, rounds=rounds)
        time.sleep(_SETTLED)
        alone, both = (_memory(some) for some in (single, double))
    finally:
        for server in servers:
            server.end()
    how = f"huitou serve {_OPTION}" if option else "two processes on one data folder: huitou serve has no workers"
    figures.measured["workers"] = {
        "how": how,
        "one worker, at the start, PSS MB": round(alone_begun, 1),
        "two workers, at the start, PSS MB": round(both_begun, 1),
        "one worker, PSS MB": round(alone, 1),
        "two workers, PSS MB": round(both, 1),
        "runs": [{"one": asdict(one), "two": asdict(two)} for one, two in runs],
    }
    tops, bottoms = ([_per_cpu(pair[place]) for pair in runs] for place in (1, 0))
    figures.ratios["two workers ÷ one, requests a CPU-second"] = ratio_of(tops, bottoms, goal=0.9, note=how)
    begun = ratio_of([both_begun - alone_begun], [alone_begun], goal=0.2, at_least=False, note=how)
    figures.ratios["second worker's added memory ÷ the first's, at the start"] = begun
    figures.ratios["second worker's added memory ÷ the first's"] = ratio_of([both - alone], [alone], goal=0.2, at_least=False, note=how)


def _memory(servers: list[Running]) -> float:
    return sum(proportional_mb(pid) for one in servers for pid in one.pids)


def _with_offers(data_dir: Path, folder: Path, size: ShopSize) -> None:
    """A copy with the written offers in its ledger: what is told to a running service is not what its workers share."""
    copy_of(data_dir, folder)
    server = serve(folder, folder.with_suffix(".feeding.log"))
    try:
        feed_offers(server.ready().port, size)
    finally:
        server.end()


def _has_option() -> bool:
    told = subprocess.run([sys.executable, "-m", "huitou", "serve", "--help"], capture_output=True, text=True, check=True, cwd=ROOT)
    return _OPTION in told.stdout


def _in_turn(single: list[Running], double: list[Running], bodies: Path, *, seconds: float, rounds: int) -> list[tuple[Driven, Driven]]:
    def one(servers: list[Running], start: int) -> Driven:
        return drive(servers, PATH, bodies, connections=16, seconds=seconds, start=start)

    return [(one(single, 1000 * turn), one(double, 1000 * turn + 500)) for turn in range(rounds)]


def _per_cpu(run: Driven) -> float:
    return run.requests / run.server_cpu_seconds if run.server_cpu_seconds else 0.0
