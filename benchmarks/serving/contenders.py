"""The service and its peers side by side: the same shop, the same core, the same driver, in turn."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.serving.driver import Driven
from benchmarks.serving.figures import Figures, ratio_of
from benchmarks.serving.peers import mlflow_models
from benchmarks.serving.redis_rows import moved, own_redis
from benchmarks.serving.running import Running, Server, drive, free_port
from benchmarks.serving.service import PATH, ask_everybody, copy_of, feed_offers, serve, typical, write_bodies
from benchmarks.serving.shop_size import ShopSize
from features.settings import FeatureSettings
from features.versions import current_folder

CONNECTIONS = 16
BARE, USUAL, RAW = "bare FastAPI", "usual way", "raw ASGI"
MLFLOW, MLFLOW_TENSOR = "mlflow, signature", "mlflow, tensor"
_MLFLOW = {MLFLOW: mlflow_models.WITH_SIGNATURE, MLFLOW_TENSOR: mlflow_models.TENSOR}
WARM, COLD, REDIS = "huitou, warm", "huitou, cold", "huitou, warm, Redis"
# The service under two settings, name → environment. Cold: everything is computed in the answer. Warm: everybody who will be asked about
# was asked about once before, so what the models say of them is remembered; whatever a customer's last event was, it was before that.
VARIANTS: Mapping[str, Mapping[str, str]] = {WARM: {}, COLD: {"HUITOU_REMEMBERED_CUSTOMERS": "0"}}
_OF_BARE = {WARM: 0.5, REDIS: 0.4, COLD: 0.25}  # goals


@dataclass(frozen=True)
class Contender:
    """Somebody who can be driven."""

    server: Running
    path: str
    bodies: Path


@contextlib.contextmanager
def contenders(data_dir: Path, size: ShopSize, work: Path, figures: Figures) -> Iterator[dict[str, Contender]]:
    """All of them, running: name → contender. Who is not driven only waits.

    Args:
        data_dir: the prepared shop, with `usual/` and `mlflow/` beside it.
        size: of that shop.
        work: an empty folder.
        figures: gets what a typical answer holds.
    """
    bodies, beside = write_bodies(work / "bodies.jsonl", size), data_dir.parent
    with contextlib.ExitStack() as stack:

        def started(server: Server) -> Server:
            stack.callback(server.end)
            return server

        services = {
            name: started(serve(copy_of(data_dir, work / f"data-{name}"), work / f"{name}.log", environment=environment))
            for name, environment in VARIANTS.items()
        }
        if (program := shutil.which("redis-server")) is None:
            figures.absent[REDIS] = "redis-server is not on this machine"
        else:
            redis, _ = stack.enter_context(own_redis(program, work))
            offline = current_folder(FeatureSettings(data_dir=data_dir).features_dir, remedy="prepare the shop again.")
            moved_dir = moved(copy_of(data_dir, work / f"data-{REDIS}"), offline, redis)
            services[REDIS] = started(serve(moved_dir, work / f"{REDIS}.log", environment={"HUITOU_ONLINE_URL": redis.url}))
        bare = started(_peer("bare", work))
        usual = started(_peer("usual", work, str(beside / "usual")))
        mlflow = {name: (which, started(_mlflow(beside / "mlflow", which, work))) for name, which in _MLFLOW.items()}
        found = {name: Contender(server.ready(), PATH, bodies) for name, server in services.items()}
        for name in services:
            feed_offers(found[name].server.port, size)
            if name != COLD:
                ask_everybody(found[name].server.port, bodies)
            figures.measured[f"answers of {name}"] = asdict(typical(found[name].server.port, bodies))
        found[BARE], found[RAW] = Contender(bare.ready(), "/decorated", bodies), Contender(bare.ready(), "/raw", bodies)
        found[USUAL] = Contender(usual.ready(), "/usual", bodies)
        for name, (which, server) in mlflow.items():
            found[name] = Contender(server.ready(), "/invocations", beside / "mlflow" / f"{which}.jsonl")
        yield found


def _peer(name: str, work: Path, *arguments: str) -> Server:
    port = free_port()
    command = [sys.executable, "-m", f"benchmarks.serving.peers.{name}", *arguments, str(port)]
    return Server(command, port=port, log=work / f"{name}.log")


def _mlflow(folder: Path, which: str, work: Path) -> Server:
    port = free_port()
    # MLflow starts its server by the name `uvicorn`, which must be that of this environment.
    scripts = str(Path(sys.executable).parent)
    return Server(mlflow_models.command(folder, which, port), port=port, log=work / f"{which}.log", first_in_path=scripts)


def compare(found: Mapping[str, Contender], figures: Figures, *, seconds: float, rounds: int) -> None:
    """Drive everybody in turn, some rounds, at many connections and at one; figures and ratios go into `figures`."""
    for connections in (CONNECTIONS, 1):
        runs: dict[str, list[Driven]] = {name: [] for name in found}
        for turn in range(rounds):
            for name, one in found.items():
                runs[name].append(drive([one.server], one.path, one.bodies, connections=connections, seconds=seconds, start=turn * 1000))
        figures.measured[f"{connections} connection(s)"] = {name: [_told(run) for run in told] for name, told in runs.items()}
        _refuse_failures(runs)
        for name in [one for one in _OF_BARE if one in found]:
            if connections == 1:
                _latency(figures, name, runs)
            else:
                _throughput(figures, name, runs)
        if connections > 1:
            figures.ratios[f"driver ceiling: raw ASGI ÷ {WARM}"] = ratio_of(
                _rates(runs[RAW]), _rates(runs[WARM]), goal=3, note="The driver must not be what is measured."
            )


def overload(one: Contender, figures: Figures, name: str, *, times: float, seconds: float, rounds: int) -> None:
    """So many times what it can do, found anew each round, at a fixed rate; latencies from when a request should have begun."""
    full, calm, over = (list[Driven]() for _ in range(3))
    for turn in range(rounds):
        asked = {"seconds": seconds, "start": turn * 1000}
        calm.append(drive([one.server], one.path, one.bodies, connections=1, **asked))
        full.append(drive([one.server], one.path, one.bodies, connections=CONNECTIONS, **asked))
        rate = max(times * full[-1].requests / full[-1].seconds, 1.0)
        over.append(drive([one.server], one.path, one.bodies, connections=4 * CONNECTIONS, rate=rate, **asked))
    figures.measured[f"open loop, {name}"] = [_told(run) for run in over]
    figures.ratios[f"p99 of what is accepted at {times:g} times what it can do ÷ unloaded: {name}"] = ratio_of(
        [run.accepted_ms["p99"] for run in over], [run.latency_ms["p99"] for run in calm], goal=5.0, at_least=False
    )
    figures.ratios[f"accepted at {times:g} times what it can do ÷ what it can do: {name}"] = ratio_of(
        [(run.requests - run.failed) / run.seconds for run in over], _rates(full)
    )


def _throughput(figures: Figures, name: str, runs: Mapping[str, list[Driven]]) -> None:
    for peer, goal in ((BARE, _OF_BARE[name]), (USUAL, 5.0), (MLFLOW, 20.0), (MLFLOW_TENSOR, None)):
        figures.ratios[f"throughput: {name} ÷ {peer}"] = ratio_of(_rates(runs[name]), _rates(runs[peer]), goal=goal)
        figures.ratios[f"requests a CPU-second: {name} ÷ {peer}"] = ratio_of(
            _per_cpu(runs[name]), _per_cpu(runs[peer]), goal=goal, note="Of the server; says the same on a busy machine."
        )


def _latency(figures: Figures, name: str, runs: Mapping[str, list[Driven]]) -> None:
    for percentile, goal in (("p50", 3.0), ("p99", 4.0)):
        tops, bottoms = ([run.latency_ms[percentile] for run in runs[who]] for who in (name, BARE))
        figures.ratios[f"latency at one connection, {percentile}: {name} ÷ {BARE}"] = ratio_of(tops, bottoms, goal=goal, at_least=False)


def _rates(runs: list[Driven]) -> list[float]:
    return [run.requests / run.seconds for run in runs]


def _per_cpu(runs: list[Driven]) -> list[float]:
    return [run.requests / run.server_cpu_seconds if run.server_cpu_seconds else 0.0 for run in runs]


def _told(run: Driven) -> dict[str, Any]:
    per_cpu = run.requests / run.server_cpu_seconds if run.server_cpu_seconds else None
    return {"per second": round(run.requests / run.seconds, 1), "per CPU-second": per_cpu and round(per_cpu, 1), **asdict(run)}


def _refuse_failures(runs: Mapping[str, list[Driven]]) -> None:
    """A server that fails fast must not win.

    Raises:
        RuntimeError: somebody answered with an error.
    """
    failed = {name: sum(run.failed for run in told) for name, told in runs.items()}
    if any(failed.values()):
        raise RuntimeError(f"Answers that were errors: {failed}")
