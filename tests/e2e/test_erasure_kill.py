"""Erasures under kills, a few rounds on each database; HUITOU_TEST_ERASURE_ROUNDS and `tests.e2e.erasure_rounds` do more."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e.erasure_rounds import erasure_rounds, left_of
from tests.e2e.peopled_shop import STAYING

ROUNDS = int(os.environ.get("HUITOU_TEST_ERASURE_ROUNDS", "2"))
pytestmark = pytest.mark.timeout(240 + 60 * ROUNDS)


def test_whatever_is_killed_nobody_who_asked_is_left_and_everybody_else_is(ledger_address: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    url = f"sqlite:///{folder / 'ledger.db'}" if ledger_address.startswith("sqlite") else ledger_address
    found = erasure_rounds(folder, url, rounds=ROUNDS, seed=3)
    assert found.faultless, found
    assert found.rounds == ROUNDS
    assert found.refused > 0, found
    assert found.acknowledged > 0, found
    for person in STAYING:  # the search finds whoever is there
        assert len(left_of(folder, url, person)) >= 10
