"""People are erased through the API while service and worker are killed at random moments: each erasure is finished, nothing is left.

Run: `python -m tests.e2e.erasure_rounds [--rounds 50] [--postgres URL]`. Every round somebody else, of whom the history, the online store,
the staged files and the ledger hold rows, asks to be forgotten. Callers never stop meanwhile: others' events and offers, and of those who
ask the same old events again and again, before, during and after. What happens between the wish and its end is told, too.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import http.client
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import select

from features.ledger import erasing
from features.ledger.audit import verify
from features.ledger.events import EVENTS
from features.ledger.ledger import open_ledger
from tests.e2e.kill_rounds import database_of_its_own
from tests.e2e.peopled_shop import STAYING, Person, write_peopled_shop
from tests.e2e.server_process import Server, Worker, ledger_settings, wait_until
from tests.features.erasing.search import places_of, tables_of

_AGAIN_SECONDS = 0.02
_KILLED = ("service", "worker", "both")


@dataclass
class Tally:
    """What the rounds came to.

    Attributes:
        rounds: people erased.
        kills: processes killed.
        interrupted: rounds in which a kill left an unfinished erasure behind.
        between: events told between a wish and the moment when every place was gone through.
        refused: old events of erased people that were told again and refused.
        remaining: places that still hold somebody, named.
        acknowledged, lost: others' events.
        unfinished: erasures at the end.
        audit_broken: the chain does not verify.
    """

    rounds: int = 0
    kills: int = 0
    interrupted: int = 0
    between: int = 0
    refused: int = 0
    remaining: list[str] = field(default_factory=list)
    acknowledged: int = 0
    lost: int = 0
    unfinished: int = 0
    audit_broken: bool = False

    @property
    def faultless(self) -> bool:
        """Everybody is gone, nobody else's events are."""
        return not (self.remaining or self.lost or self.unfinished or self.audit_broken)


class Rounds:
    """Service, worker and callers of one shop."""

    def __init__(self, data_dir: Path, ledger_url: str, seed: int) -> None:
        """Start them.

        Args:
            data_dir: from `write_peopled_shop`.
            ledger_url: its ledger.
            seed: of the moments.
        """
        self._data_dir, self._url, self._dice = data_dir, ledger_url, random.Random(seed)  # noqa: S311 - moments, not secrets
        self.tally = Tally()
        self._acknowledged: list[str] = []
        self._told: list[Person] = []  # whose old events are told again and again
        self._finished: set[Person] = set()
        self._done = threading.Event()
        self._next = (Server(data_dir, ledger_url), Worker(data_dir, ledger_url))  # they import while the others run
        self._server, self._worker = Server(data_dir, ledger_url).start(), Worker(data_dir, ledger_url).start()
        self._port, self._takes = self._server.port, 0.0
        self._callers = concurrent.futures.ThreadPoolExecutor(3)
        self._running = [self._callers.submit(self._others), self._callers.submit(self._old)]

    def close(self) -> None:
        """Stop everything; a caller's own failure is raised."""
        self._done.set()
        try:
            for caller in self._running:
                caller.result(timeout=90)
        finally:
            self._callers.shutdown(wait=False, cancel_futures=True)
            for process in (self._server, self._worker, *self._next):
                process.stop()

    def undisturbed(self, person: Person) -> None:
        """Erase somebody without a kill, to know how long it takes here; twice, since at first the worker still imports."""
        began = time.monotonic()
        self._finish(person, self._wish(person).result(timeout=90)["erasure_id"])
        self._takes = time.monotonic() - began

    def round(self, person: Person) -> None:
        """Erase somebody and kill meanwhile, until the receipt says that it is finished; then look for them."""
        killed = self._dice.choice(_KILLED)
        wish = self._wish(person)
        time.sleep(self._dice.random() * self._takes)
        if killed in {"worker", "both"}:
            self._worker.kill()
        if killed in {"service", "both"}:
            self._server.kill()
            self._server = self._next[0].start()
            self._port = self._server.port
            self._next = (Server(self._data_dir, self._url), self._next[1])
        erasure = wish.result(timeout=90)["erasure_id"]
        self.tally.kills += 1 + (killed == "both")
        waiting = not self._is_finished(erasure)
        self.tally.interrupted += waiting
        if killed in {"worker", "both"}:
            if "tables" not in self._receipt(erasure)["removed"]:  # not settled, and nobody is there to do it
                self._between(person)
            self._worker = self._next[1].start()
            self._next = (self._next[0], Worker(self._data_dir, self._url))
        self._finish(person, erasure)
        self.tally.rounds += 1

    def _wish(self, person: Person) -> concurrent.futures.Future[Any]:
        self._told.append(person)
        wish = self._callers.submit(self._until_answered, "DELETE", f"/v1/customers/{quote(person.customer_id)}", None)
        wait_until(lambda: wish.running() or wish.done(), 10, "the wish to be sent")
        return wish

    def _finish(self, person: Person, erasure: str) -> None:
        wait_until(lambda: self._is_finished(erasure), 60, "the erasure to be finished")
        self._finished.add(person)
        self.tally.remaining += left_of(self._data_dir, self._url, person)

    def _is_finished(self, erasure: str) -> bool:
        return bool(self._receipt(erasure)["state"] == "finished")

    def _receipt(self, erasure: str) -> Any:
        return self._until_answered("GET", f"/v1/erasures/{erasure}", None)

    def _between(self, person: Person) -> None:
        now = datetime.now(UTC)
        batch = [person.view(f"between-{n}", who, now) for n, who in enumerate(person.ids)]
        told = self._until_answered("POST", "/v1/events", {"batch": batch})
        assert told["accepted"] + told["duplicates"] == len(batch), told
        self.tally.between += len(batch)

    def _others(self) -> None:
        number = 0
        while not self._done.is_set():
            now = datetime.now(UTC)
            batch = [STAYING[(number + n) % len(STAYING)].view(f"load-{number + n}", None, now) for n in range(20)]
            number += len(batch)
            told = self._until_answered("POST", "/v1/events", {"batch": batch})
            assert told["accepted"] + told["duplicates"] == len(batch), told
            self._acknowledged += [message["messageId"] for message in batch]
            self._asked(STAYING[number % len(STAYING)])
            self._done.wait(_AGAIN_SECONDS)

    def _old(self) -> None:
        """Events of before the wish, and questions, of everybody who asks to be forgotten."""
        number = 0
        while not self._done.is_set():
            if self._told:
                number += 1
                person = self._told[-1 - number % min(3, len(self._told))]
                gone = person in self._finished
                told = self._until_answered("POST", "/v1/events", {"batch": person.old_views()})
                assert not gone or told["accepted"] == 0, told
                self.tally.refused += told["erased"] if gone else 0
                self._asked(person)
            self._done.wait(_AGAIN_SECONDS)

    def _asked(self, person: Person) -> None:
        self._until_answered("POST", "/v1/next-best-offers", {"customer_id": person.customer_id, "channel": "email"})

    def _until_answered(self, method: str, path: str, told: Any) -> Any:
        body = None if told is None else json.dumps(told).encode()
        while True:
            line = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
            try:
                line.request(method, path, body, {"content-type": "application/json"})
                answer = line.getresponse()
                found = json.loads(answer.read())
            except (OSError, http.client.HTTPException, json.JSONDecodeError):
                time.sleep(_AGAIN_SECONDS)
                continue
            finally:
                line.close()
            if answer.status == 503:
                time.sleep(_AGAIN_SECONDS)
                continue
            assert answer.status in {200, 202}, found
            return found

    def settled(self) -> Tally:
        """Close, and compare what was acknowledged with what is held."""
        self.close()
        ledger = open_ledger(ledger_settings(self._data_dir, self._url))
        try:
            with ledger.database.reading() as connection:
                held = set(connection.execute(select(EVENTS.c.message_id)).scalars())
                self.tally.unfinished = len(erasing.unfinished(connection))
                self.tally.audit_broken = verify(connection).broken_at is not None
        finally:
            ledger.close()
        self.tally.acknowledged = len(self._acknowledged)
        self.tally.lost = sum(message not in held for message in self._acknowledged)
        for person in sorted(self._finished):  # nobody has come back since
            self.tally.remaining += left_of(self._data_dir, self._url, person)
        return self.tally


def left_of(data_dir: Path, ledger_url: str, person: Person) -> list[str]:
    """Places that hold any of somebody's ids."""
    ledger = open_ledger(ledger_settings(data_dir, ledger_url))
    try:
        return [f"{one}: {place}" for one in person.ids for place in (*places_of(data_dir, one), *tables_of(ledger, one))]
    finally:
        ledger.close()


def erasure_rounds(
    data_dir: Path, ledger_url: str, *, rounds: int, seed: int, seconds: float = float("inf"), tell: Callable[[str], None] = lambda _: None
) -> Tally:
    """Erase so many people under kills.

    Args:
        data_dir: an empty folder.
        ledger_url: an empty ledger; on SQLite its file belongs into the folder.
        rounds: people erased, one after the other.
        seed: of the moments.
        seconds: after which no further round begins.
        tell: told how it goes.
    """
    people = write_peopled_shop(data_dir, ledger_url, rounds + 2)
    missing = [person for person in people if len(left_of(data_dir, ledger_url, person)) < 10]
    assert not missing, missing
    until = time.monotonic() + seconds
    running = Rounds(data_dir, ledger_url, seed)
    try:
        for person in people[:2]:
            running.undisturbed(person)
        for number, person in enumerate(people[2:]):
            if time.monotonic() > until:
                break
            running.round(person)
            tell(f"round {number + 1}: {running.tally}\n")
    except BaseException:
        with contextlib.suppress(Exception):  # safe: the first failure is the one to read
            running.close()
        raise
    return running.settled()


def main() -> int:
    """All rounds on SQLite, and on PostgreSQL where a URL is given; 1 when anything is amiss."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=timedelta(hours=1).total_seconds(), help="after which no further round begins")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgres", help="URL; a database of its own is made beside it, and used instead of SQLite")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        data_dir = Path(folder) / "data"
        url = stack.enter_context(database_of_its_own(told.postgres)) if told.postgres else f"sqlite:///{data_dir}/ledger.db"
        found = erasure_rounds(data_dir, url, rounds=told.rounds, seed=told.seed, seconds=told.seconds, tell=sys.stderr.write)
    sys.stdout.write(f"{found}\n")
    return 0 if found.faultless else 1


if __name__ == "__main__":
    sys.exit(main())
