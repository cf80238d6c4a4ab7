"""Counter-based chance: the draw of a customer, a day and a purpose is the same whatever else was drawn.

So two policies in one world differ by their actions alone (common random numbers). Philox 4×64-10 (Salmon et al. 2011, "Parallel random
numbers: as easy as 1, 2, 3"): the key is seed and purpose, a word of the counter is the day, the place in the stream is the customer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Array = NDArray[np.float64]


class Purpose(IntEnum):
    """What a draw decides; a number of its own each, never reused."""

    BUY = 1
    RIVAL = 2
    PRODUCT = 3
    ALONG = 4
    DIE = 5
    OPEN = 6
    CLICK = 7
    LEAVE = 8
    LEAVE_UNASKED = 9
    VIEW = 10
    STOCK = 11
    SPELL = 12
    MAILING = 13
    MAILING_OFFER = 14
    HOUR = 15
    CYCLE = 21
    NEED_SPEED = 22
    PRICE = 23
    TASTE = 24
    OPENING = 25
    DYING = 26
    LEAVING = 27
    HIDDEN = 28
    WANTED = 29
    LATER = 30
    AGE = 31
    QUANTITY = 32
    POLICY = 41


@dataclass(frozen=True)
class Draws:
    """All chance of one world.

    Attributes:
        seed: of the world, ≥ 0.
    """

    seed: int

    def uniform(self, purpose: Purpose, shape: int | tuple[int, ...], day: int = 0) -> Array:
        """Uniform on [0, 1); the first axis is the customer, so that more customers leave the draws of the others alone.

        Args:
            purpose: what they decide.
            shape: of the answer.
            day: of the world; 0 for what is drawn once.
        """
        bits = np.random.Philox(key=np.array([self.seed, purpose], np.uint64), counter=np.array([0, 0, day, 0], np.uint64))
        return np.random.Generator(bits).random(shape)

    def normal(self, purpose: Purpose, shape: int | tuple[int, ...], day: int = 0) -> Array:
        """Standard normal, by inversion: one uniform each, as above."""
        uniform = self.uniform(purpose, shape, day)
        drawn: Array = ndtri(np.maximum(uniform, np.finfo(np.float64).tiny))
        return drawn
