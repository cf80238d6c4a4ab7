"""Decisions made while the ledger's database is away: on the disk, through a kill, and in the ledger once it is back."""

from __future__ import annotations

import json
import re
import signal
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from features.ledger.decisions import DECISIONS
from features.ledger.ledger import open_ledger
from tests.e2e.own_postgres import own_postgres, programs
from tests.e2e.server_process import Server, ledger_settings, serving, wait_until

pytestmark = pytest.mark.timeout(180)
ENV = {"HUITOU_LEDGER_PATIENCE_SECONDS": "2.0"}


def decide(server: Server, number: int) -> tuple[str, bool, float]:
    """Id of a decision, whether it said that it was degraded, and seconds until it came."""
    began = time.monotonic()
    status, told = server.ask("POST", "/v1/next-best-offers", json.dumps({"customer_id": str(number), "channel": "web"}).encode())
    assert status == 200
    return told["decision_id"], bool(told["degraded_reasons"]), time.monotonic() - began


def counted(server: Server, fate: str) -> int:
    found = re.search(rf'huitou_decisions_total{{fate="{fate}"}} (\d+)', server.get("/metrics", timeout=60)[1])
    assert found is not None
    return int(found[1])


def recorded(folder: Path, url: str) -> set[str]:
    ledger = open_ledger(ledger_settings(folder, url))
    with ledger.database.reading() as connection:
        found = set(connection.execute(select(DECISIONS.c.decision_id)).scalars())
    ledger.close()
    return found


@pytest.mark.parametrize("fault", [signal.SIGSTOP, signal.SIGKILL])
def test_a_kill_while_the_database_is_away_loses_no_decision(built_shop: Path, fault: signal.Signals) -> None:
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL's own programs are not on this machine")
    with own_postgres(found) as postgres:
        with serving(built_shop, postgres.url, env=ENV) as server:
            before = {decide(server, number)[0] for number in range(5)}
            wait_until(lambda: counted(server, "recorded") == 5, 30, "the ledger to take the first decisions")
            if fault == signal.SIGKILL:
                postgres.kill()
            else:
                postgres.signal(fault)
            meanwhile = [decide(server, number) for number in range(30)]
            assert all(degraded for _, degraded, _ in meanwhile)
            assert max(seconds for _, _, seconds in meanwhile) < 10
            wait_until(lambda: counted(server, "spooled") == 30, 30, "the decisions to be on the disk")
            told = server.get("/readyz", timeout=60)[1]["problems"]["decisions"]
            assert "30 decisions wait, 30 of them on the disk" in told
            server.kill()
        if fault == signal.SIGKILL:
            postgres.start()
        else:
            postgres.signal(signal.SIGCONT)
        with serving(built_shop, postgres.url, env=ENV) as server:
            wait_until(lambda: counted(server, "recorded") == 30, 30, "the next service to record what was left")
            assert "decisions" not in server.get("/readyz", timeout=60)[1]["problems"]
            decide(server, 31)
        assert recorded(built_shop, postgres.url) >= before | {one for one, _, _ in meanwhile}
    assert not list(built_shop.rglob("*.spool"))
