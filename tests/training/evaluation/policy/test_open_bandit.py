"""The estimators beside the Open Bandit Pipeline's own, on its sample: a development check that needs its wheel, unpacked.

pip download obp==0.4.1 --no-deps -d OBP && unzip -d OBP OBP/obp-0.4.1-py3-none-any.whl
HUITOU_TEST_OBP=OBP python -m pytest tests/training/evaluation/policy/test_open_bandit.py
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchmarks.open_bandit import CAMPAIGNS, compare

OBP = os.environ.get("HUITOU_TEST_OBP", "")


@pytest.mark.skipif(not OBP, reason="HUITOU_TEST_OBP names no unpacked wheel of obp 0.4.1")
@pytest.mark.parametrize("campaign", CAMPAIGNS)
@pytest.mark.parametrize("log", ["random", "bts"])
def test_both_say_the_same(log: str, campaign: str) -> None:
    sides = compare(Path(OBP), log, campaign)
    assert len(sides) == 6
    assert {side.estimator: side.ours for side in sides} == pytest.approx(
        {side.estimator: side.theirs for side in sides}, abs=1e-6, rel=1e-6
    )
    unbiased = {side.estimator: side for side in sides if "Direct" not in side.estimator}
    for name in ("InverseProbabilityWeighting", "DoublyRobust"):
        assert unbiased[name].low < unbiased[name].earned < unbiased[name].high
    assert "torch" not in sys.modules
