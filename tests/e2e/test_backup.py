"""Backup and restore, by the very commands of docs/operations.md: taken from a running service, restored into an empty folder."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import select

from features.ledger.audit import verify
from features.ledger.decisions import DECISIONS
from features.ledger.ledger import open_ledger
from tests.e2e.kill_rounds import database_of_its_own
from tests.e2e.peopled_shop import STAYING, write_peopled_shop
from tests.e2e.server_process import ROOT, Server, ledger_settings, serving, wait_until
from tests.e2e.test_faults import held, views

pytestmark = pytest.mark.timeout(400)
_PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").split("## Backup and restore\n")[1]
_FILES, _SQLITE, _POSTGRESQL, _INTO_SQLITE, _INTO_POSTGRESQL, _THEN = re.findall(
    r"^```sh\n(.*?)^```$", _PAGE, flags=re.DOTALL | re.MULTILINE
)


def run(commands: str, folder: Path, backups: Path, url: str) -> str:
    """Run a block of the page; returns what it printed."""
    named = re.sub(r"\bURL\b", url, commands.replace("DATA_DIR", str(folder)).replace("/backups", str(backups)))
    script = re.sub(r"^huitou ", f"{sys.executable} -m huitou ", named, flags=re.MULTILINE)
    env = {**os.environ, "HUITOU_LEDGER_URL": url}
    done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=False, env=env, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextlib.contextmanager
def sending(server: Server) -> Iterator[list[str]]:
    """Somebody sends events until the block ends; yields the ids of those that were acknowledged."""
    acknowledged: list[str] = []
    done = threading.Event()

    def send() -> None:
        number = 1000
        while not done.is_set():
            batch = views(number, size=20)
            if server.send(batch)[0] == 200:
                acknowledged.extend(message["messageId"] for message in batch)
            number += 1

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield acknowledged
    finally:
        done.set()
        thread.join()


def decisions_of(folder: Path, url: str) -> set[str]:
    ledger = open_ledger(ledger_settings(folder, url))
    try:
        with ledger.database.reading() as connection:
            assert verify(connection).broken_at is None
            return set(connection.execute(select(DECISIONS.c.decision_id)).scalars())
    finally:
        ledger.close()


def decide(server: Server) -> str:
    told = {"customer_id": STAYING[0].customer_id, "channel": "email"}
    status, answer = server.ask("POST", "/v1/next-best-offers", json.dumps(told).encode())
    assert status == 200
    return str(answer["decision_id"])


@pytest.fixture
def second_database(ledger_address: str, tmp_path: Path) -> Iterator[str]:
    """Where the ledger is restored to."""
    if ledger_address.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'restored' / 'ledger.db'}"
        return
    with database_of_its_own(ledger_address) as url:
        yield url


def test_what_the_page_says_restores_everything(ledger_address: str, second_database: str, tmp_path: Path) -> None:
    sqlite = ledger_address.startswith("sqlite")
    for program in ("sqlite3",) if sqlite else ("pg_dump", "pg_restore"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not on this machine: the page's commands are not tried")
    folder, restored, backups = tmp_path / "data", tmp_path / "restored", tmp_path / "backups"
    url = f"sqlite:///{folder / 'ledger.db'}" if sqlite else ledger_address
    backups.mkdir()
    write_peopled_shop(folder, url, 1)
    with serving(folder, url) as server, sending(server) as acknowledged:
        decided = {decide(server) for _ in range(5)}
        wait_until(lambda: decided <= decisions_of(folder, url), 30, "the decisions to be written")
        wait_until(lambda: len(acknowledged) > 100, 60, "events")
        run(_FILES, folder, backups, url)
        before = set(acknowledged)
        run(_SQLITE if sqlite else _POSTGRESQL, folder, backups, url)
        wait_until(lambda: len(acknowledged) > len(before), 60, "events after the backup")
    run(_INTO_SQLITE if sqlite else _INTO_POSTGRESQL, restored, backups, second_database)
    printed = run(_THEN, restored, backups, second_database)
    assert "as this program needs it" in printed
    assert before <= set(held(restored, second_database)) <= set(held(folder, url))
    assert decided <= decisions_of(restored, second_database)
    with serving(restored, second_database) as server:
        assert server.send(views(1))[0] == 200
        assert server.get(f"/v1/customers/{quote(STAYING[0].customer_id)}")[0] == 200
        assert {"build", "customers", "freshness"}.isdisjoint(server.get("/readyz")[1]["problems"])
        decided.add(decide(server))
        wait_until(lambda: decided <= decisions_of(restored, second_database), 30, "a new decision to be written")
    wanted = before | {"m-1-0"}
    assert wanted <= set(held(restored, second_database))
    run("huitou compact --data-dir DATA_DIR", restored, backups, second_database)  # what comes afterwards is folded
