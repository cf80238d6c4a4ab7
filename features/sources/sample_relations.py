"""How the sample shop's customers answer between orders: messages opened or not, products looked at, complaints, tags; some leave.

**Made up**, so that everything that reads such events has something to read; no figure may be claimed from it. The process of leaving the
channel: each customer has a patience of their own, and leaves after one with the chance 0.006 · exp(pressure ÷ patience), at most 0.5,
where pressure counts the messages so far, each weighing exp(-age/28 days). Whoever left gets no message until they join again, which one in
five does. Orders answer to none of this.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from features.ledger.kinds import LEAVING
from features.sources.sample_catalogue import SHELVES, product_id
from features.sources.sample_lives import EDGE, START, TICK, WEEK, Order

Rows = list[dict[str, Any]]

_PRESSURE_DAYS = 28.0
_CHANCE = 0.006  # of leaving after a first message, of somebody of endless patience: about half leave within the year
_CHANNELS = ("email", "sms", "wecom")
_TAGS = ("敏感肌", "干皮", "sugar-free", "has-a-cat", "early-riser")
_NEEDS = ("Coffee", "Skin care", "Laundry")
_VIEWS_A_WEEK, _CONTENT_A_WEEK = 0.8, 0.25


def relations(rng: np.random.Generator, orders: list[Order], weeks: int) -> tuple[Rows, Rows, Rows]:
    """Contacts, interactions and activities from each customer's first order on; nothing after the shop's last order.

    Args:
        rng: source of chance, of its own: the orders must not depend on it.
        orders: of all customers.
        weeks: length of the history.
    """
    firsts: dict[str, datetime] = {}
    for order in orders:
        if order.customer_id is not None:
            firsts[order.customer_id] = min(order.at, firsts.get(order.customer_id, order.at))
    end = max(order.at for order in orders)
    contacts, interactions, activities = Rows(), Rows(), Rows()
    for customer, first in sorted(firsts.items()):
        diary = _Diary(customer, activities)
        if first < end:
            contacts += _messages(rng, diary, first, end)
            interactions += _looks(rng, customer, first, end)
            _words(rng, diary, first, end)
    if EDGE in firsts:
        _at_the_edge(_Diary(EDGE, activities, prefix="edge"), weeks)
    return contacts, interactions, activities


class _Diary:
    """Writes one customer's activities down."""

    def __init__(self, customer: str, rows: Rows, prefix: str = "a") -> None:
        self.customer, self._rows, self._prefix = customer, rows, prefix
        self._count = 0

    def write(self, kind: str, at: datetime, **facts: str | float | None) -> None:
        """One activity more."""
        key = f"{self._prefix}-{self.customer}-{self._count:04d}"
        self._count += 1
        self._rows.append({"activity_id": key, "customer_id": self.customer, "kind": kind, "occurred_at": at, **facts})


def _messages(rng: np.random.Generator, diary: _Diary, first: datetime, end: datetime) -> Rows:
    """Messages at a rate of the customer's own, whether they are opened, and after which the customer leaves."""
    sent = Rows()
    channel = str(rng.choice(_CHANNELS))
    every, patience, opens = float(rng.choice([4.0, 7.0, 14.0, 28.0])), 2.5 * float(rng.lognormal(0.0, 0.5)), float(rng.beta(2.0, 4.0))
    at, pressure = first + timedelta(days=float(rng.exponential(every))), 0.0
    while at < end:
        sent.append({"contact_id": f"m-{diary.customer}-{len(sent):04d}", "customer_id": diary.customer, "channel": channel, "sent_at": at})
        pressure += 1.0
        later = at + timedelta(hours=float(rng.uniform(0.1, 30.0)))
        draws = rng.random(4)
        if later >= end:
            break
        if draws[0] < opens:
            diary.write("message_opened", later, channel=channel)
            if draws[1] < 0.3:
                diary.write("message_clicked", later + timedelta(seconds=40), channel=channel)
        if draws[2] < min(0.5, _CHANCE * math.exp(pressure / patience)):
            diary.write(LEAVING[int(draws[3] * len(LEAVING))], later + timedelta(minutes=5), channel=channel)
            back = later + timedelta(days=float(rng.uniform(28.0, 84.0)))
            if rng.random() >= 0.2 or back >= end:
                break
            diary.write("channel_joined", back, channel=channel)
            later, pressure = back, 0.0
        wait = max(1.0, float(rng.exponential(every)))
        at, pressure = later + timedelta(days=wait), pressure * math.exp(-wait / _PRESSURE_DAYS)
    return sent


def _moments(rng: np.random.Generator, first: datetime, end: datetime, a_week: float) -> list[datetime]:
    span = (end - first) / WEEK
    return [first + WEEK * float(at) for at in np.sort(rng.random(rng.poisson(a_week * span)) * span)]


def _looks(rng: np.random.Generator, customer: str, first: datetime, end: datetime) -> Rows:
    types = ("viewed", "viewed", "viewed", "viewed", "carted", "liked", "tried_on")
    return [
        {
            "interaction_id": f"i-{customer}-{n:04d}",
            "customer_id": customer,
            "type": types[int(rng.integers(len(types)))],
            "product_id": product_id(int(rng.integers(len(SHELVES))), int(rng.integers(5))),
            "occurred_at": at,
        }
        for n, at in enumerate(_moments(rng, first, end, _VIEWS_A_WEEK))
    ]


def _words(rng: np.random.Generator, diary: _Diary, first: datetime, end: datetime) -> None:
    """Everything else a customer says or does: mostly content, now and then a complaint, a review, an answer."""
    sayings: tuple[tuple[float, Callable[[datetime], None]], ...] = (
        (
            _CONTENT_A_WEEK,
            lambda at: diary.write("content_viewed", at, subject=f"article-{rng.integers(9)}", value=float(rng.integers(5, 300))),
        ),
        (0.03, lambda at: diary.write("live_attended", at, subject="live-1")),
        (0.04, lambda at: diary.write("store_visited", at, subject=f"s{rng.integers(3)}")),
        (0.06, lambda at: diary.write("list_viewed", at, label=str(rng.choice(_NEEDS)))),
        (0.03, lambda at: diary.write("product_reviewed", at, subject=product_id(0, 0), value=float(rng.integers(1, 6)))),
        (0.01, lambda at: diary.write("nps_answered", at, value=float(rng.integers(0, 11)))),
        (0.01, lambda at: diary.write("survey_answered", at, subject="survey-1")),
        (0.02, lambda at: diary.write("need_stated", at, label=str(rng.choice(_NEEDS)), value=28.0)),
        (0.02, lambda at: diary.write("tag_added", at, label=str(rng.choice(_TAGS)))),
        (0.08, lambda at: diary.write("points_changed", at, value=float(rng.integers(-20, 50)))),
        (0.01, lambda at: diary.write("points_changed", at, subject="balance", value=float(rng.integers(0, 300)))),
        (0.01, lambda at: diary.write("tier_changed", at, label="gold", value=float(rng.integers(1, 4)))),
        (0.005, lambda at: diary.write("life_stage_stated", at, subject="life_stage", label="new-parent")),
    )
    for a_week, say in sayings:
        for at in _moments(rng, first, end, a_week):
            say(at)
    for number, at in enumerate(_moments(rng, first, end, 0.01)):
        diary.write("complaint_opened", at, subject=f"q{number}")
        closed = at + timedelta(days=float(rng.uniform(1.0, 40.0)))
        if closed < end:
            diary.write("complaint_closed", closed, subject=f"q{number}")


def _at_the_edge(diary: _Diary, weeks: int) -> None:
    """Events exactly on and one microsecond beside the weekly as-of dates."""
    for week, beside in ((2, TICK), (4, timedelta(0)), (4, TICK), (8, TICK), (8, -TICK)):
        if week < weeks:
            at = START + WEEK * week + beside
            diary.write("tag_added", at, label=f"edge-{week}-{beside // TICK}")
            diary.write("complaint_opened", at, subject="edge")
            diary.write("content_viewed", at, subject="edge")
