from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from serving.decisioning.written_screen import CODE
from serving.dropped_offers import DroppedOffers


def counted(dropped: DroppedOffers) -> dict[str, float]:
    (family,) = dropped.collect()
    return {sample.labels["code"]: sample.value for sample in family.samples}


def by_rule(*codes: int) -> NDArray[np.int64]:
    return np.bincount(np.array(codes, np.intp), minlength=len(CODE) + 1)


def test_it_adds_up_what_models_and_shop_lost() -> None:
    dropped = DroppedOffers()
    assert counted(dropped) == {}
    dropped.count(["quiet_hours", "in_cart"], by_rule(0, CODE["quiet_hours"], CODE["ended"], 0, CODE["ended"]))
    dropped.count(["quiet_hours"], by_rule())
    dropped.count([], by_rule(CODE["quiet_hours"]))
    assert counted(dropped) == {"ended": 2, "in_cart": 1, "quiet_hours": 4}


def test_every_rule_has_its_name() -> None:
    dropped = DroppedOffers()
    dropped.count([], by_rule(*CODE.values()))
    assert counted(dropped) == dict.fromkeys(CODE, 1)
