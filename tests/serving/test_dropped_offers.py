from __future__ import annotations

import numpy as np

from serving.decisioning.written_screen import CODE
from serving.dropped_offers import DroppedOffers


def counted(dropped: DroppedOffers) -> dict[str, float]:
    (family,) = dropped.collect()
    return {sample.labels["code"]: sample.value for sample in family.samples}


def test_it_adds_up_what_models_and_shop_lost() -> None:
    dropped = DroppedOffers()
    assert counted(dropped) == {}
    dropped.count(["quiet_hours", "in_cart"], np.array([0, CODE["quiet_hours"], CODE["ended"], 0, CODE["ended"]], np.uint8))
    dropped.count(["quiet_hours"], np.empty(0, np.uint8))
    dropped.count([], np.array([CODE["quiet_hours"]], np.uint8))
    assert counted(dropped) == {"ended": 2, "in_cart": 1, "quiet_hours": 4}


def test_every_rule_has_its_name() -> None:
    dropped = DroppedOffers()
    dropped.count([], np.array(list(CODE.values()), np.uint8))
    assert counted(dropped) == dict.fromkeys(CODE, 1)
