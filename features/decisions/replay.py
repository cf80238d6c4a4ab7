"""A decision made again from its record: the same values, the same probabilities, the same draw, or a list of what differs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.decisions.choosing import beliefs_seed_of, choose, seed_of
from features.decisions.record import DRAWN_FROM_SEED, DecisionRecord
from features.decisions.slots import fill_slots
from features.decisions.worth import worth

_CLOSE = 1e-9  # JSON keeps every digit; what differs by more was not computed from this record


@dataclass(frozen=True)
class Replay:
    """What came out when it was made again.

    Attributes:
        given: offer ids, first slot first.
        differences: what is not as the record says, one sentence each; empty when the decision is the same.
    """

    given: tuple[str, ...]
    differences: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether the decision is the same."""
        return not self.differences


def replay(record: DecisionRecord) -> Replay:
    """Make a decision again from nothing but its record."""
    considered = record.considered
    values = worth([one.factors for one in considered], record.policy.value).mean
    choice = choose(
        considered,
        record.policy,
        seed=record.seed,
        state=record.state,
        beliefs=record.beliefs,
        holdout=record.holdout,
        explore=record.customer_id is not None,
        formerly=record.format < DRAWN_FROM_SEED,
    )
    believed = beliefs_seed_of(record.policy.exploration.seed, record.customer_id)
    places = fill_slots(considered, choice.order, limit=record.limit)
    given = tuple(considered[place].offer_id for place in places)
    told = tuple(one.offer_id for one in record.given)
    checks = (
        ("the seed", record.seed == seed_of(record.policy.exploration.seed, record.customer_id, record.decision_id)),
        ("the seed of what is believed", record.beliefs_seed in (None, believed)),
        ("the values", np.allclose(values, [one.value for one in considered], rtol=0, atol=_CLOSE)),
        ("the propensities", np.allclose(choice.propensities, [one.propensity for one in considered], rtol=0, atol=_CLOSE)),
        (
            "the policy's propensities",
            np.allclose(choice.policy_propensities, [one.policy_propensity for one in considered], rtol=0, atol=_CLOSE),
        ),
        ("whether it explored", choice.explored == record.explored),
        (f"the offers: {', '.join(given)} instead of {', '.join(told)}", given == told),
    )
    return Replay(given, tuple(f"Made again, the decision differs in {what}." for what, same in checks if not same))
