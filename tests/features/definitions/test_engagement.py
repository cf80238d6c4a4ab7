"""Messages, running campaigns and redemptions of one customer, counted by hand."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import polars as pl
import pytest

from features.definitions.engagement import ENGAGEMENT
from features.schema import CONTACTS, OFFERS, REDEMPTIONS
from tests.features.ground import evaluate, shop_of, spine_of
from tests.shop import START, TICK, Tables, sample_tables

DAY = timedelta(days=1)
CAMPAIGNS = {"first": (0, 10), "second": (5, 20), "closed": (-9, -2)}  # days after START: begins, ends
SENT = [("first", 0), ("second", 5), ("closed", 6), (None, 7)]  # the third after its campaign's end, the fourth of no campaign
REDEEMED = [3, 8]


@pytest.fixture(scope="module")
def tables() -> Tables:
    offers = [
        {"offer_id": o, "type": "coupon", "label": o, "starts_at": START + a * DAY, "ends_at": START + b * DAY}
        for o, (a, b) in CAMPAIGNS.items()
    ]
    contacts = [
        {"contact_id": str(i), "customer_id": "me", "offer_id": o, "channel": "mail", "sent_at": START + d * DAY}
        for i, (o, d) in enumerate(SENT)
    ]
    used = [
        {"redemption_id": str(i), "customer_id": "me", "offer_id": "first", "coupon_id": "k", "redeemed_at": START + d * DAY}
        for i, d in enumerate(REDEEMED)
    ]
    made = {t.name: pl.DataFrame(rows, schema=t.columns) for t, rows in ((OFFERS, offers), (CONTACTS, contacts), (REDEMPTIONS, used))}
    return {**sample_tables(customers=2, weeks=8), **made}


def at(tables: Tables, as_of: datetime) -> dict[str, float | None]:
    frame = evaluate(ENGAGEMENT, shop_of(tables), spine_of(tables, [as_of], ["me"]))
    return {name: frame[name][0] for name in ENGAGEMENT.features}


def test_everything_counts_from_its_moment_on(tables: Tables) -> None:
    found = at(tables, START + 9 * DAY)
    expected = {
        "contact_count": 4,
        "days_since_last_contact": 2,
        "contacts_decayed_28d": sum(math.exp(-(9 - d) / 28) for _, d in SENT),
        "contacts_decayed_112d": sum(math.exp(-(9 - d) / 112) for _, d in SENT),
        "open_campaigns": 2,
        "redemption_count": 2,
        "days_since_last_redemption": 1,
        "redemptions_decayed_56d": math.exp(-6 / 56) + math.exp(-1 / 56),
        "redemptions_per_contact": 0.5,
    }
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("as_of", "running"),
    [
        (START - TICK, 0),
        (START, 1),
        (START + 5 * DAY, 2),
        (START + 10 * DAY - TICK, 2),
        (START + 10 * DAY, 1),
        (START + 20 * DAY, 0),
        (START + 99 * DAY, 0),
    ],
)
def test_a_campaign_runs_from_its_message_to_its_end_and_no_message_counts_below_zero(
    tables: Tables, as_of: datetime, running: int
) -> None:
    assert at(tables, as_of)["open_campaigns"] == running


def test_somebody_who_was_sent_nothing_has_zeros_and_no_recency(tables: Tables) -> None:
    frame = evaluate(ENGAGEMENT, shop_of(tables), spine_of(tables, [START + 9 * DAY], ["nobody"]))
    assert frame.select("contact_count", "open_campaigns", "redemption_count").row(0) == (0.0, 0.0, 0.0)
    assert frame.select("days_since_last_contact", "days_since_last_redemption", "redemptions_per_contact").row(0) == (None,) * 3
