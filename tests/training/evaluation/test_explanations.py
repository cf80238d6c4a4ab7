"""Reasons and TreeSHAP are measured against each other, and the measure notices when one is broken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.training.conftest import BuiltShop, FittedHazard
from training.artifacts.return_hazard import ReturnHazard
from training.evaluation.explanations import agreement_with_treeshap


@pytest.fixture(scope="module")
def customers(shop: BuiltShop) -> np.ndarray:
    return shop.snapshots.stored[::60]


def test_the_strongest_cause_is_seldom_a_stranger_to_treeshap(hazard: FittedHazard, customers: np.ndarray) -> None:
    found = agreement_with_treeshap(hazard.model, customers)
    assert found.customers == len(customers)
    assert found.same_first <= found.first_in_three
    assert found.first_in_three > 0.7, str(found)
    assert found.same_direction > 0.7, str(found)
    assert f"{found.same_direction:.0%}" in str(found)


def test_reasons_turned_round_are_noticed(hazard: FittedHazard, customers: np.ndarray) -> None:
    class Reversed(ReturnHazard):
        def effects(self, stored: np.ndarray, *, horizon_days: int = 28) -> np.ndarray:
            return -super().effects(stored, horizon_days=horizon_days)

    honest = agreement_with_treeshap(hazard.model, customers)
    wrong = agreement_with_treeshap(Reversed(hazard.model.booster, replace(hazard.model).header), customers)
    assert wrong.same_direction < 1 - honest.same_direction + 0.05
    assert wrong.same_first == honest.same_first
