"""`kill -9` at random moments under load, on the same ledger again and again: what was acknowledged is there, once, in order.

Run: `python -m tests.e2e.kill_rounds [--rounds 50] [--postgres URL] [--data-dir BUILT]`. Clients never stop: what was not acknowledged they
send again to the next server, as Segment's libraries do. PostgreSQL's tables stay in a database of their own, dropped afterwards.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import json
import random
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import select

from features.erasing.resuming import resume_erasures
from features.ledger import erasing
from features.ledger.audit import verify
from features.ledger.columns import METADATA
from features.ledger.events import EVENTS
from features.ledger.identities import standing
from features.ledger.ledger import Ledger, open_ledger
from tests.e2e.server_process import Server, ledger_settings, wait_until

CLIENTS = 4
_LONGEST_LIFE = 0.6  # seconds of load before a kill
_AGAIN_SECONDS = 0.02
_ERASED = 0.2  # share of the batches after which somebody is erased


@dataclass
class Client:
    """Sends batch after batch; a batch that nobody acknowledged is sent again.

    Attributes:
        acknowledged: message ids in the order in which they were acknowledged.
        cut_off: calls that ended without an answer.
        repeated: messages that turned out to be there already when they were sent again: committed, but the answer was lost.
        aliases: anonymous id → customer of every link that was acknowledged.
        asked: people whose erasure was asked for, whether or not anybody has answered yet.
        erased: erasures that were acknowledged.
        consents: statements that were acknowledged; each is an entry of the audit log.
    """

    name: str
    seed: int
    acknowledged: list[str] = field(default_factory=list)
    cut_off: int = 0
    repeated: int = 0
    aliases: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    erased: int = 0
    consents: int = 0

    def run(self, port_of: list[int], done: threading.Event) -> None:
        """Send until told to stop; the last batch is acknowledged too."""
        dice, number = random.Random(self.seed), 0  # noqa: S311 - moments, not secrets
        while not done.is_set():
            batch = [self._message(number + i) for i in range(dice.randrange(1, 120))]
            number += len(batch)
            told = self._until_acknowledged("POST", "/v1/events", {"batch": batch}, port_of)
            assert told["accepted"] + told["duplicates"] == len(batch), told
            self.repeated += told["duplicates"]
            self.acknowledged += [message["messageId"] for message in batch]
            self.aliases |= {f"anonymous:{m['anonymousId']}": m["userId"] for m in batch if "anonymousId" in m}
            consent = {"customer_id": batch[0]["userId"], "purpose": "marketing", "channel": "sms", "state": "withdrawn"}
            self._until_acknowledged("PUT", "/v1/consents", [consent], port_of)
            self.consents += 1
            if dice.random() < _ERASED:
                self._acquaint_and_erase(number, port_of)

    def _acquaint_and_erase(self, number: int, port_of: list[int]) -> None:
        person, visitor = f"{self.name}-e{number}", f"{self.name}-v{number}"
        now = datetime.now(UTC).isoformat()
        seen = {"type": "track", "event": "Product Viewed", "userId": person, "timestamp": now, "properties": {"product_id": "1"}}
        batch = [{**seen, "messageId": f"{person}-{i}"} for i in range(5)]
        batch.append({"type": "identify", "messageId": f"{person}-i", "userId": person, "anonymousId": visitor, "timestamp": now})
        self._until_acknowledged("POST", "/v1/events", {"batch": batch}, port_of)
        self.asked.append(person)
        self._until_acknowledged("DELETE", f"/v1/customers/{person}", None, port_of)
        self.erased += 1
        # What is told again of the time before must not bring them back.
        again = self._until_acknowledged("POST", "/v1/events", {"batch": batch}, port_of)
        assert again["accepted"] == 0, again

    def _message(self, number: int) -> dict[str, Any]:
        told = {"messageId": f"{self.name}-{number}", "userId": f"{self.name}-c{number % 50}", "timestamp": datetime.now(UTC).isoformat()}
        if number % 40 == 0:
            return {**told, "type": "identify", "anonymousId": f"{self.name}-a{number}", "traits": {}}
        return {**told, "type": "track", "event": "Product Viewed", "properties": {"product_id": str(number % 7)}}

    def _until_acknowledged(self, method: str, path: str, told: Any, port_of: list[int]) -> Any:
        body = None if told is None else json.dumps(told).encode()
        while True:
            line = http.client.HTTPConnection("127.0.0.1", port_of[0], timeout=60)
            try:
                line.request(method, path, body, {"content-type": "application/json"})
                answer = line.getresponse()
                found = json.loads(answer.read())
            except (OSError, http.client.HTTPException, ValueError):
                self.cut_off += 1
                time.sleep(_AGAIN_SECONDS)
                continue
            finally:
                line.close()
            if answer.status == 503:
                continue
            assert answer.status in {200, 202}, found
            return found


@dataclass(frozen=True)
class Tally:
    """What the rounds came to.

    Attributes:
        kills: servers killed.
        acknowledged: messages.
        lost: acknowledged and not in the ledger.
        twice: ids that are in the ledger more than once.
        strange: in the ledger, never acknowledged: every client went on until its last batch was.
        out_of_order: messages whose number is not above that of the client's batch before.
        links_missing: acknowledged links that do not stand.
        audit_entries: in the audit log.
        audit_broken: its chain does not verify, or it has fewer entries than statements of consent were acknowledged.
        erased: erasures acknowledged.
        unfinished: erasures that are not finished after they were resumed.
        remaining: rows of the ledger that are still of somebody erased, by any table and column that holds ids.
        cut_off: calls that the kills ended without an answer.
        repeated: messages that were committed although their sender never heard so.
    """

    kills: int
    acknowledged: int
    lost: int
    twice: int
    strange: int
    out_of_order: int
    links_missing: int
    audit_entries: int
    audit_broken: bool
    erased: int
    unfinished: int
    remaining: int
    cut_off: int
    repeated: int

    @property
    def faultless(self) -> bool:
        """Nothing is missing, double, strange or out of order."""
        return not (
            self.lost
            or self.twice
            or self.strange
            or self.out_of_order
            or self.links_missing
            or self.audit_broken
            or self.unfinished
            or self.remaining
        )


def kill_rounds(data_dir: Path, ledger_url: str, *, rounds: int, seed: int) -> Tally:
    """Kill so many servers under load.

    Args:
        data_dir: a built shop.
        ledger_url: an empty ledger.
        rounds: servers killed.
        seed: of the moments.
    """
    dice, run, done = random.Random(seed), uuid.uuid4().hex[:6], threading.Event()  # noqa: S311
    clients = [Client(f"{run}-{number}", seed + number) for number in range(CLIENTS)]
    server = Server(data_dir, ledger_url).start()
    port_of = [server.port]
    threads = [threading.Thread(target=client.run, args=(port_of, done), daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    try:
        for _ in range(rounds):
            following = Server(data_dir, ledger_url)  # imports while this one is under load
            before = sum(len(client.acknowledged) for client in clients)
            wait_until(lambda before=before: sum(len(c.acknowledged) for c in clients) > before, 60, "load")  # type: ignore[misc]
            time.sleep(dice.random() * _LONGEST_LIFE)
            server.kill()
            server = following
            server.start()
            port_of[0] = server.port
        done.set()
        for thread in threads:
            thread.join(timeout=90)
            assert not thread.is_alive(), "a client was never answered"
    finally:
        done.set()
        server.stop()
    ledger = open_ledger(ledger_settings(data_dir, ledger_url))
    try:
        resume_erasures(ledger_settings(data_dir, ledger_url), ledger, actor="tests")
        return tally(ledger, clients, rounds)
    finally:
        ledger.close()


def tally(ledger: Ledger, clients: list[Client], kills: int) -> Tally:
    """Compare what the clients were told with what the ledger holds."""
    with ledger.database.reading() as connection:
        rows = connection.execute(select(EVENTS.c.message_id, EVENTS.c.seq).order_by(EVENTS.c.seq)).all()
        links, audit = standing(connection), verify(connection)
        unfinished = len(erasing.unfinished(connection))
        remaining = sum(rows_of(connection, person) for client in clients for person in client.asked)
    held, seq = Counter(row.message_id for row in rows), {row.message_id: row.seq for row in rows}
    acknowledged = {message for client in clients for message in client.acknowledged}
    assert len(acknowledged) == sum(len(client.acknowledged) for client in clients)
    order = [[seq[message] for message in client.acknowledged if message in seq] for client in clients]
    return Tally(
        kills=kills,
        acknowledged=len(acknowledged),
        lost=sum(message not in held for message in acknowledged),
        twice=sum(times > 1 for times in held.values()),
        strange=sum(message not in acknowledged for message in held),
        out_of_order=sum(later <= earlier for of_one in order for earlier, later in itertools.pairwise(of_one)),
        links_missing=sum(links.get(alias) != customer for client in clients for alias, customer in client.aliases.items()),
        audit_entries=audit.entries,
        audit_broken=audit.broken_at is not None or audit.entries < sum(client.consents for client in clients),
        erased=sum(client.erased for client in clients),
        unfinished=unfinished,
        remaining=remaining,
        cut_off=sum(client.cut_off for client in clients),
        repeated=sum(client.repeated for client in clients),
    )


def rows_of(connection: sqlalchemy.Connection, person: str) -> int:
    """Rows of any table in which any text holds this id, or the visitor that it was linked to."""
    visitor = person.replace("-e", "-v")
    found = 0
    for table in METADATA.sorted_tables:
        texts = [column for column in table.c if isinstance(column.type, sqlalchemy.String)]
        holds = [column == told for column in texts for told in (person, f"anonymous:{visitor}", f"{person}-0")]
        if holds:
            found += connection.execute(select(sqlalchemy.func.count()).select_from(table).where(sqlalchemy.or_(*holds))).scalar_one()
    return found


@contextlib.contextmanager
def database_of_its_own(server: str) -> Iterator[str]:
    """URL of a new database beside the one named, dropped at the end."""
    name = f"kill_{uuid.uuid4().hex[:10]}"
    engine = sqlalchemy.create_engine(sqlalchemy.make_url(server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text(f'CREATE DATABASE "{name}"'))
        try:
            yield sqlalchemy.make_url(server).set(database=name).render_as_string(hide_password=False)
        finally:
            with engine.connect() as connection:
                connection.execute(sqlalchemy.text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    finally:
        engine.dispose()


def main() -> int:
    """All rounds on SQLite, and on PostgreSQL where a URL is given; 1 when anything is amiss."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgres", help="URL; a database of its own is made beside it")
    parser.add_argument("--data-dir", type=Path, help="a built shop; by default the tests' sample is built")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        data_dir = told.data_dir or Path(folder) / "data"
        if told.data_dir is None:
            from tests.sample_data import write_sample_data

            write_sample_data(data_dir)
        urls = [f"sqlite:///{folder}/ledger.db"]
        if told.postgres:
            urls.append(stack.enter_context(database_of_its_own(told.postgres)))
        tallies = []
        for url in urls:
            tallies.append(kill_rounds(data_dir, url, rounds=told.rounds, seed=told.seed))
            sys.stdout.write(f"{url.partition(':')[0]}: {tallies[-1]}\n")
            sys.stdout.flush()
    return 0 if all(one.faultless for one in tallies) else 1


if __name__ == "__main__":
    sys.exit(main())
