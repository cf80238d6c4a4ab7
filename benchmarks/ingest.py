"""Events over HTTP into the ledger: how many a second one worker takes, and what share of the time the database takes.

Run: `python -m benchmarks.ingest [--postgres URL] [--seconds 10]`. A real `huitou serve` on a built sample shop, one worker process,
without the process that keeps features fresh; the clients are a process of their own with bodies made beforehand. The database's part is
the server's own `huitou_ledger_seconds`: a transaction from the moment it is alone to its commit, SQLAlchemy and driver included.
PostgreSQL's tables stay in a schema of their own, dropped afterwards.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import multiprocessing
import os
import re
import statistics
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import sqlalchemy

from benchmarks.shop_events import batches
from tests.e2e.server_process import Server, serving

BATCH = 500
_FASTEST = 16_000  # events a second that bodies are made for; a faster server would find the clients out of bodies, which is told
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Driven:
    """What the clients saw: calls with their seconds, events accepted, seconds it took, processor seconds of theirs."""

    calls: list[float]
    accepted: int
    seconds: float
    cpu: float
    ran_out: bool


def drive(port: int, seconds: float, connections: int, pipe: Connection) -> None:
    """Send batches on several connections until the time is over; the clients' process."""
    run = uuid.uuid4().hex[:8]
    per_line = 2 + int(seconds * _FASTEST / BATCH / connections)
    bodies = [list(itertools.islice(batches(f"{run}-{line}", size=BATCH, seed=line), per_line)) for line in range(connections)]
    pipe.send("ready")
    pipe.recv()
    calls: list[float] = []
    accepted: list[int] = []
    ran_out = threading.Event()
    started, cpu = time.perf_counter(), time.process_time()
    until = started + seconds

    def one(own: list[bytes]) -> None:
        line = http.client.HTTPConnection("127.0.0.1", port)
        for body in own:
            if time.perf_counter() >= until:
                break
            at = time.perf_counter()
            line.request("POST", "/v1/events", body, {"content-type": "application/json"})
            answer = line.getresponse()
            told = json.loads(answer.read())
            calls.append(time.perf_counter() - at)
            assert answer.status == 200, told
            accepted.append(told["accepted"])
        else:
            ran_out.set()
        line.close()

    threads = [threading.Thread(target=one, args=(own,)) for own in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pipe.send(Driven(calls, sum(accepted), time.perf_counter() - started, time.process_time() - cpu, ran_out.is_set()))


def metric(text: str, name: str, label: str = "") -> float:
    """A number of the server's own metrics; 0 where it counted nothing."""
    found = re.search(rf"^{name}{re.escape(label)} (\S+)$", text, flags=re.MULTILINE)
    return float(found.group(1)) if found else 0.0


def cpu_of(process_id: int) -> float:
    """Processor seconds of a process so far."""
    fields = Path(f"/proc/{process_id}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def measure(server: Server, seconds: float, connections: int) -> dict[str, float | bool]:
    """Drive one server."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    child = context.Process(target=drive, args=(server.port, seconds, connections, there))
    child.start()
    here.recv()
    route = '{route="/v1/events"}'
    before, cpu = str(server.get("/metrics")[1]), cpu_of(server.process.pid)
    here.send("go")
    driven: Driven = here.recv()
    child.join()
    after, cpu = str(server.get("/metrics")[1]), cpu_of(server.process.pid) - cpu

    def grown(name: str, label: str = "") -> float:
        return metric(after, name, label) - metric(before, name, label)

    assert driven.accepted == len(driven.calls) * BATCH
    cuts = statistics.quantiles(driven.calls, n=100)
    in_ledger = grown("huitou_ledger_seconds_sum", '{part="wait"}'), grown("huitou_ledger_seconds_sum", '{part="work"}')
    return {
        "events_per_second": round(driven.accepted / driven.seconds),
        "p50_ms": round(cuts[49] * 1000, 1),
        "p99_ms": round(cuts[98] * 1000, 1),
        "request_seconds": round(grown("huitou_request_seconds_sum", route), 2),
        "ledger_wait_seconds": round(in_ledger[0], 2),
        "ledger_work_seconds": round(in_ledger[1], 2),
        "ledger_share_of_wall": round(in_ledger[1] / driven.seconds, 3),
        "events_per_server_cpu_second": round(driven.accepted / cpu),
        "server_cpu_share": round(cpu / driven.seconds, 2),
        "client_cpu_share": round(driven.cpu / driven.seconds, 2),
        "clients_ran_out": driven.ran_out,
    }


def main() -> None:
    """Measure SQLite, and PostgreSQL where a URL is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgres", help="URL of a database to make a schema in")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3, help="rounds on each database, in turn; each is shown")
    parser.add_argument("--data-dir", type=Path, help="a built shop; by default the tests' sample is built")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data_dir = told.data_dir or Path(folder) / "data"
        if told.data_dir is None:
            from tests.sample_data import write_sample_data  # not in the processes that send: the tests' set-up is not for them

            write_sample_data(data_dir)
        for number in range(told.rounds):
            for url in [f"sqlite:///{folder}/ledger-{number}.db", *([told.postgres] if told.postgres else [])]:
                _round(data_dir, url, told.seconds, told.connections)


def _round(data_dir: Path, url: str, seconds: float, connections: int) -> None:
    name = url.partition(":")[0]
    if name == "sqlite":
        with serving(data_dir, url) as server:
            print(name, json.dumps(measure(server, seconds, connections)), f"load {os.getloadavg()[0]:.1f}", flush=True)
        return
    schema = f"ingest_{uuid.uuid4().hex[:8]}"
    engine = sqlalchemy.create_engine(sqlalchemy.make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.execute(sqlalchemy.schema.CreateSchema(schema))
    try:
        address = sqlalchemy.make_url(url).update_query_dict({"options": f"-csearch_path={schema}"})
        with serving(data_dir, address.render_as_string(hide_password=False)) as server:
            print(name, json.dumps(measure(server, seconds, connections)), f"load {os.getloadavg()[0]:.1f}", flush=True)
    finally:
        with engine.begin() as connection:
            connection.execute(sqlalchemy.schema.DropSchema(schema, cascade=True))
        engine.dispose()


if __name__ == "__main__":
    main()
