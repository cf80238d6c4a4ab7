"""`kill -9` under load, a few rounds on each database; `python -m tests.e2e.kill_rounds` does fifty."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.ledger.events import EVENTS
from features.ledger.ledger import open_ledger
from tests.e2e.kill_rounds import Client, kill_rounds, tally
from tests.e2e.server_process import ledger_settings

pytestmark = pytest.mark.timeout(300)


def test_what_was_acknowledged_survives_every_kill(built_shop: Path, ledger_address: str) -> None:
    found = kill_rounds(built_shop, ledger_address, rounds=3, seed=7)
    assert found.faultless, found
    assert found.acknowledged > 100, found
    assert found.erased > 0, found
    assert found.cut_off > 0, found  # else the kills met no call


def test_the_tally_sees_what_is_missing_and_what_is_strange(tmp_path: Path) -> None:
    ledger = open_ledger(ledger_settings(tmp_path, None))
    now = ledger.clock()
    row = {"kind": "other", "recorded_as": "c", "occurred_at": now, "received_at": now, "source": "s", "properties": "{}"}
    with ledger.database.writing() as connection:
        connection.execute(EVENTS.insert(), [row | {"message_id": name} for name in ("b", "a", "stranger")])
    client = Client("x", 1, acknowledged=["a", "b", "gone"], aliases={"anonymous:v": "c"})
    found = tally(ledger, [client], 0)
    ledger.close()
    assert (found.lost, found.strange, found.out_of_order, found.links_missing) == (1, 1, 1, 1)
    assert not found.faultless
