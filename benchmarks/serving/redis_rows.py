"""The online rows in a Redis of the benchmark's own, beside the file: how long a build's last step takes, its memory, a read."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.child_process import Cost, cost_of
from benchmarks.serving.cpu_seconds import cpu_seconds
from benchmarks.serving.figures import Figures, ratio_of
from benchmarks.serving.online_loading import copied_offline, many_customers, numbers_only
from features.online import materialize
from features.redis_rows import FEATURES
from features.redis_server import RedisServer
from features.settings import FeatureSettings
from features.store import DATABASE, PACKED_FILE, CustomerReader, open_reader
from features.versions import current_folder

_GOAL_SECONDS, _GOAL_MB = 60.0, 2048.0
_READS = 5_000
_BY_FEAST = 500  # reads through Feast's client, which take long


def measure_redis(data_dir: Path, work: Path, figures: Figures, *, customers: int) -> None:
    """Write customers into a Redis and read some; figures and ratios go into `figures`.

    Args:
        data_dir: the prepared shop, whose packed rows are copied under new ids.
        work: an empty folder.
        figures: gets them.
        customers: how many.
    """
    program = shutil.which("redis-server")
    if program is None:
        figures.absent["redis"] = "redis-server is not on this machine"
        return
    offline = current_folder(FeatureSettings(data_dir=data_dir).features_dir, remedy="prepare the shop again.")
    packed = numbers_only(pl.read_parquet(offline / PACKED_FILE))
    source = copied_offline(offline, work / "offline")
    many_customers(packed, customers, source / PACKED_FILE)
    folder, file_folder = work / "online" / "v-redis", work / "online" / "v-file"
    for one in (folder, file_folder):
        one.mkdir(parents=True)
    with own_redis(program, work) as (server, process):
        before = _server_cost(process.pid)
        load = cost_of(_loading, folder, source, server)
        after = _server_cost(process.pid)
        figures.measured["redis load"] = {
            "customers": customers,
            "huitou": asdict(load),
            "redis-server": asdict(Cost(load.seconds, after.cpu_seconds - before.cpu_seconds, after.peak_mb)),
            "redis-server, bytes a customer": round((after.peak_mb - before.peak_mb) * 1024 * 1024 / customers),
        }
        note = f"{customers:,} customers, every feature of the customer set; process start and imports not counted in time."
        for name, value in (("seconds", load.seconds), ("CPU seconds of huitou", load.cpu_seconds)):
            figures.ratios[f"redis load, {name}"] = ratio_of([value], [1.0], goal=_GOAL_SECONDS, at_least=False, note=note)
        figures.ratios["redis load, peak MB of huitou"] = ratio_of([load.peak_mb], [1.0], goal=_GOAL_MB, at_least=False, note=note)
        figures.ratios["redis load, MB of redis-server"] = ratio_of([after.peak_mb], [1.0], goal=_GOAL_MB, at_least=False, note=note)
        materialize(file_folder, source)
        reads = {
            "redis": _read_cost(open_reader(folder, server), customers),
            "file": _read_cost(open_reader(file_folder), customers),
            "redis, Feast's client": _feasts_cost(folder, server, customers),
        }
    figures.measured["redis read"] = reads
    theirs, ours = reads["redis, Feast's client"], reads["redis"]
    figures.ratios["redis read: Feast's client ÷ huitou, CPU"] = ratio_of([theirs["cpu_us"]], [ours["cpu_us"]])


@contextlib.contextmanager
def own_redis(program: str, work: Path) -> Iterator[tuple[RedisServer, subprocess.Popen[bytes]]]:
    """A Redis that ends with the block and keeps nothing on the disk, and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(work)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - found by name
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.1):
                break
            time.sleep(0.05)
        yield RedisServer(f"redis://127.0.0.1:{port}/0", patience=5.0), process
    finally:
        process.kill()
        process.wait()


def moved(data_dir: Path, offline: Path, server: RedisServer) -> Path:
    """A copied data folder whose online rows stand in a Redis from now on."""
    folder = current_folder(data_dir / "online", remedy="prepare the shop again.")
    for name in (DATABASE, "registry.db"):
        (folder / name).unlink()
    materialize(folder, offline, server)
    return data_dir


def _server_cost(pid: int) -> Cost:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return Cost(0.0, cpu_seconds(pid), pages * 4096 / 1024 / 1024)


def _loading(folder: Path, offline: Path, server: RedisServer) -> Callable[[], None]:
    import features.feast_repo.repo  # noqa: F401 - Feast's import is not what is measured

    return lambda: materialize(folder, offline, server)


def _read_cost(reader: CustomerReader, customers: int) -> dict[str, Any]:
    ids = [f"m{(number * 7919) % customers:08d}" for number in range(_READS)]
    reader.read(ids[0])
    found = _cost(lambda customer: reader.read(customer) is not None, ids)
    reader.close()
    return found


def _feasts_cost(folder: Path, server: RedisServer, customers: int) -> dict[str, Any]:
    from features.feast_bytes import VIEW
    from features.feast_repo.repo import open_store

    store, names = open_store(folder, server), [f"{VIEW}:{name}" for name in FEATURES]
    ids = [f"m{(number * 7919) % customers:08d}" for number in range(_BY_FEAST)]

    def read(customer: str) -> bool:
        answer = store.get_online_features(features=names, entity_rows=[{"customer_id": customer}]).to_dict()
        return answer["vector"][0] is not None

    read(ids[0])
    return _cost(read, ids)


def _cost(read: Callable[[str], bool], ids: list[str]) -> dict[str, Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    assert all(read(customer) for customer in ids)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"reads": len(ids), "us": round(wall / len(ids) * 1e6, 1), "cpu_us": round(cpu / len(ids) * 1e6, 1)}
