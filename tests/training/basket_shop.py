"""Users with planted habits: staples every second basket, tastes shared by neighbours, one product that came lately and is wanted now."""

from __future__ import annotations

import numpy as np

from training.datasets.basket_sequences import BasketSequences

ITEMS = 80
NOVELTY = ITEMS - 1  # in a tenth of the last baskets and a third of the next
TASTES = 4


def histories_and_next(users: int = 300, seed: int = 0) -> tuple[dict[str, list[list[int]]], dict[str, list[int]]]:
    """User → baskets, oldest first; user → next basket.

    A user has four staples, two bought in even baskets and two in odd ones, and one item at random from the taste of the user's kind.
    """
    random = np.random.default_rng(seed)
    histories, following = {}, {}
    for user in range(users):
        length = int(random.integers(4, 9))
        taste = 30 + 10 * (user % TASTES) + np.arange(10)
        staples = random.choice(30, 4, replace=False)
        baskets = []
        for position in range(length + 1):
            due = staples[:2] if position % 2 == 0 else staples[2:]
            basket = [int(i) for i in due if random.random() < 0.9]
            baskets.append([*basket, int(random.choice(taste[:-1]))])
        for basket, share in ((baskets[-2], 0.1), (baskets[-1], 1 / 3)):
            if random.random() < share:
                basket.append(NOVELTY)
        histories[f"u{user}"], following[f"u{user}"] = baskets[:-1], baskets[-1]
    return histories, following


def sequences(histories: dict[str, list[list[int]]], items: int = ITEMS) -> BasketSequences:
    lines = [(u, p, i) for u, baskets in enumerate(histories.values()) for p, basket in enumerate(baskets) for i in basket]
    user, position, item = np.array(lines, np.int64).T
    return BasketSequences.of(len(histories), items, user, position, item)
