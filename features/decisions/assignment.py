"""Who falls where: a salted hash spreads customers evenly, the same customer always to the same place, on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from features.decisions.policy import Holdouts
from features.decisions.record import Holdout

_BITS = 53  # what a float holds exactly


def place(salt: str, customer_id: str) -> float:
    """A number in [0, 1) that belongs to the customer under this salt: even over customers, independent between salts."""
    told = hashlib.blake2b(f"{len(salt)}:{salt}:{customer_id}".encode(), digest_size=8).digest()
    return (int.from_bytes(told, "big") >> (64 - _BITS)) / float(1 << _BITS)


def holdout_of(customer_id: str, holdouts: Holdouts) -> Holdout | None:
    """The holdout into which a customer falls, if any."""
    at = place(f"{holdouts.salt}:holdout", customer_id)
    if at < holdouts.universal:
        return Holdout.UNIVERSAL
    return Holdout.MODEL_CONTROL if at < holdouts.universal + holdouts.model_control else None


def arm_of(customer_id: str, salt: str, weights: Sequence[tuple[str, float]]) -> str:
    """The arm into which a customer falls.

    Args:
        customer_id: whose.
        salt: of the experiment.
        weights: arm → share, in a fixed order; shares need not sum to 1.
    """
    at, so_far = place(f"{salt}:arm", customer_id) * sum(weight for _, weight in weights), 0.0
    for arm, weight in weights:
        so_far += weight
        if at < so_far:
            return arm
    return weights[-1][0]
