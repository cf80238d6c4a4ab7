"""How the sample shop's customers come to order: packs run out, somebody orders what is due and what is nearly due, some never return.

Nothing here answers to a message or an offer: whatever a policy does, these customers would have bought the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np

from features.sources.sample_catalogue import COMPANIONS, SHELVES, UNKNOWN_PRODUCT, list_price, product_id

START = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday
WEEK = timedelta(days=7)
TICK = timedelta(microseconds=1)
EDGE = "顾客-edge"  # orders at the very boundaries of the weekly as-of dates
STRANGER = "not-in-customers"  # orders, but no row in the customers table
IDLE = "never-ordered"  # a row in the customers table, but no order

_DAY = 86_400_000_000  # microseconds
_NEARLY_DUE_DAYS = 4.0  # what runs out so soon after the order is ordered with it
_REGULARITY = 10.0  # shape of the gamma between two purchases of a category: about a third of its mean as deviation
_CYCLED = [number for number, shelf in enumerate(SHELVES) if shelf.cycle_days]


class Line(NamedTuple):
    """One order line."""

    product_id: str
    quantity: float
    amount: float
    discount: float
    coupon: float


@dataclass(frozen=True)
class Order:
    """One order with its lines.

    Attributes:
        at: UTC.
        customer_id, store_id: None where the shop does not know.
    """

    at: datetime
    customer_id: str | None
    store_id: str | None
    lines: tuple[Line, ...]


def drawn_orders(rng: np.random.Generator, customers: int, weeks: int) -> list[Order]:
    """Orders of the customers `c000`, `c001`, …: each has three to six categories with a cycle of their own and a favourite in each."""
    return [order for i in range(customers) for order in _life(rng, f"c{i:03d}", weeks)]


def special_orders(rng: np.random.Generator, weeks: int) -> list[Order]:
    """Orders at awkward moments and of awkward customers."""
    edge = [START, START + WEEK * 4, START + WEEK * 6 - TICK, START + WEEK * 8 + TICK, START + WEEK * 8 + 2 * TICK]
    noon = START + timedelta(hours=12)
    moments: list[tuple[datetime, str | None, str]] = [
        *((at, EDGE, "s0") for at in edge if at < START + WEEK * weeks),
        *((noon + WEEK * k, STRANGER, "s1") for k in range(0, weeks - 1, 3)),
        *((noon + WEEK * k, None, "s2") for k in range(0, weeks - 1, 5)),
        # The newest event carries a fraction of a second, as real shops' events do.
        (START + WEEK * weeks - timedelta(hours=5, microseconds=250_001), STRANGER, "s1"),
    ]
    return [Order(at, customer, store, _anything(rng)) for at, customer, store in moments]


def _life(rng: np.random.Generator, customer: str, weeks: int) -> list[Order]:
    end = weeks * 7.0 - 1.0
    joins = rng.random() * weeks * 4.0  # the last join a little after the middle
    # Half of those who ever join stay to the end; the others leave at some moment, without a sign and without a season.
    leaves = end if rng.random() < 0.5 else joins + rng.random() * (end - joins)
    wanted = rng.choice(_CYCLED, size=rng.integers(3, 7), replace=False)
    cycle = {int(s): SHELVES[s].cycle_days * float(rng.lognormal(0.0, 0.25)) for s in wanted}
    favourite = {s: int(rng.choice(5, p=[0.35, 0.25, 0.2, 0.1, 0.1])) for s in cycle}
    due = {s: joins + float(rng.random()) * days for s, days in cycle.items()}
    hour, orders = float(rng.normal(15.0, 4.0)), []
    while (at := min(due.values())) < leaves:
        moment = START + timedelta(microseconds=int(at) * _DAY + int(np.clip(hour + rng.normal(), 0.0, 23.9) / 24 * _DAY))
        places: dict[str, float] = {}
        for shelf, when in due.items():
            if when <= at + _NEARLY_DUE_DAYS:
                packs = 2.0 if rng.random() < 0.15 else 1.0
                place = favourite[shelf] if rng.random() < 0.75 else int(rng.integers(5))
                places[product_id(shelf, place)] = packs
                due[shelf] = at + 1.0 + packs * float(rng.gamma(_REGULARITY, cycle[shelf] / _REGULARITY))
        _impulse(rng, places)
        orders.append(Order(moment, customer, f"s{rng.integers(3)}", _lines(rng, places)))
        if rng.random() < 0.05:  # something was forgotten: again on the same day, sometimes within the same second
            again = moment + timedelta(microseconds=int(rng.choice([1, 400_000, 3_600_000_000])))
            orders.append(Order(again, customer, None, _anything(rng)))
    return orders


def _impulse(rng: np.random.Generator, places: dict[str, float]) -> None:
    for first, second in COMPANIONS.items():
        if first in places and rng.random() < 0.6:
            places.setdefault(second, 1.0)
    if rng.random() < 0.2:
        shelf = int(rng.integers(len(SHELVES)))
        places.setdefault(product_id(shelf, int(rng.integers(5))), 1.0)


def _anything(rng: np.random.Generator) -> tuple[Line, ...]:
    listed = [product_id(shelf, place) for shelf in range(len(SHELVES)) for place in range(5)]
    chosen = rng.choice([*listed, UNKNOWN_PRODUCT], size=rng.integers(1, 5), replace=False)
    return _lines(rng, {str(product): float(rng.integers(1, 4)) for product in chosen})


def _lines(rng: np.random.Generator, places: dict[str, float]) -> tuple[Line, ...]:
    reduced = rng.random(len(places)) < 0.2
    return tuple(_line(product, packs, reduced=bool(low)) for (product, packs), low in zip(places.items(), reduced, strict=True))


def _line(product: str, packs: float, *, reduced: bool) -> Line:
    price = 5.0 if product == UNKNOWN_PRODUCT else list_price(int(product[1:3]), int(product[4:]))
    discount = round(packs * price * 0.1, 2) if reduced else 0.0
    return Line(product, packs, round(packs * price - discount, 2), discount, round(discount / 2, 2))
