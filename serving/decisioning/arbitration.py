"""What stands against each other in one customer's decisions: what each offer is worth and the odds of what comes first.

Any number of decisions are drawn from one arbitration; it stays as it is until something new is known, or the person was sent something.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.decisions.choosing import Odds, beliefs_seed_of
from features.decisions.slate import Slate
from features.decisions.worth import worth
from serving.decisioning.board import Board

_KEPT = 2  # of one layout; the one before the last message is of no use


@dataclass(frozen=True)
class Arbitration:
    """One customer's.

    Attributes:
        slate: what could be sent, with the factors of each value.
        values: (k,) of each.
        odds: of what comes first.
        told: what was made of it for answers and records, by whoever tells it.
    """

    slate: Slate
    values: NDArray[np.float64]
    odds: Odds
    told: dict[str, Any] = field(default_factory=dict)


def arbitrated(board: Board, whose: str | None, *, fatigue: float) -> Arbitration:
    """Value what is on a board.

    Args:
        board: what may be sent.
        whose: the customer; None for nobody in particular.
        fatigue: money that one more message costs later.
    """
    kept, key = board.layout.arbitrations, (fatigue, board.closed)
    found = kept.get(key)
    if found is None:
        policy, slate = board.policy, board.slate if fatigue == 0 else board.slate.tired(fatigue)
        values = worth(slate.factors, policy.value).mean
        beliefs = beliefs_seed_of(policy.exploration.seed, whose)
        found = Arbitration(slate, values, Odds.of(slate, policy, beliefs=beliefs, state=board.layout.state))
        if len(kept) >= _KEPT:
            kept.clear()
        kept[key] = found
    return found
