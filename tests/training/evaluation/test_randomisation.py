from __future__ import annotations

import numpy as np
import pytest

from training.evaluation.randomisation import balance


def test_chance_is_not_suspected_and_aim_is() -> None:
    alarms = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        columns, treated = rng.normal(size=(600, 5)), rng.random(600) < 0.4
        alarms += balance(columns, treated, seed=seed).doubtful
    assert alarms <= 1
    rng = np.random.default_rng(1)
    columns = rng.normal(size=(3000, 5))
    aimed = rng.random(3000) < 1 / (1 + np.exp(-0.4 * columns[:, 3]))
    found = balance(columns, aimed, seed=1)
    assert found.doubtful
    assert found.widest == 3
    assert found.difference == pytest.approx(0.4, abs=0.1)
    assert found.auc == pytest.approx(0.6, abs=0.04)
