"""Replaying days through the API and building them at night give equal features."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from features.customer_facts import NOTHING_TOLD, CustomerFacts
from features.freshness import read_followed
from features.never_bought import FILE
from features.offline import open_offline
from features.versions import current_folder
from tests.features.refreshing.replay import Replay, assert_same, event


def identify(customer: str, at: datetime) -> dict[str, Any]:
    traits = {"birthday": "--02-29", "timezone": "Asia/Shanghai", "locale": "zh_CN"}
    return {"type": "identify", "messageId": f"i-{customer}", "userId": customer, "timestamp": at.isoformat(), "traits": traits}


@pytest.fixture
def replay(tmp_path: Path) -> Replay:
    return Replay.of_sample(tmp_path / "data", days=3)


def test_replayed_days_give_the_features_of_the_night(replay: Replay) -> None:
    orders = list(replay.orders())
    touched = {order["userId"] for order in orders}
    assert len(orders) > 5
    assert len(touched) > 3
    before = replay.online()
    noon = replay.midnight + timedelta(hours=12)
    known = sorted(before)
    other = [
        event("Product Viewed", known[0], noon, product_id=orders[0]["properties"]["products"][0]["product_id"]),
        event("Message Sent", known[1], noon, channel="email", email_id="m1"),
        event("Order Refunded", orders[0]["userId"], noon + timedelta(days=1), order_id=orders[0]["properties"]["order_id"]),
        {"type": "identify", "messageId": "i1", "userId": known[2], "anonymousId": "device", "timestamp": noon.isoformat(), "traits": {}},
        *(identify(customer, noon) for customer in known[:2]),
        event("Email Opened", known[1], noon + timedelta(minutes=30), channel="email", email_id="m1"),
        event("Unsubscribed", known[1], noon + timedelta(hours=1), channel="email"),
        event("Quiz Answered", known[0], noon + timedelta(hours=2), answer="敏感肌"),
        event("Complaint Opened", known[0], noon + timedelta(hours=3), complaint_id="q"),
        event("Content Viewed", known[0], noon + timedelta(hours=4), content_id="article"),
        event("Points Changed", known[0], noon + timedelta(hours=5), change=5, balance=105),
    ]
    late = orders[-1] | {"messageId": "of-the-device", "anonymousId": "device"}
    del late["userId"]
    late["properties"] = {**late["properties"], "order_id": "of-the-device"}
    replay.post([*orders, *other, late])
    touched |= {known[0], known[1], known[2]}
    steps = replay.follow()
    assert sum(step.events for step in steps) >= len(orders) + len(other)
    found = replay.online()
    followed = read_followed(current_folder(replay.settings.online_dir, remedy="build"))
    assert followed is not None
    replay.night(followed.as_of)
    expected = replay.online()
    assert set(found) == set(expected)
    for customer in sorted(touched):
        assert_same(found[customer], expected[customer])
        if customer in before:
            assert found[customer].as_of > before[customer].as_of
    assert next(iter(found[known[0]].tags)) == "tag:敏感肌"
    assert found[known[0]].value("complaints_open") == before[known[0]].value("complaints_open") + 1
    assert found[known[0]].value("points_balance") == 105
    assert found[known[1]].value("channel_left") == 1
    # The order of the unknown device counts for the person who signed in on it.
    assert found[known[2]].value("order_count") > before[known[2]].value("order_count")
    assert "anonymous:device" not in found
    # What the shop's file says of somebody comes before what they say themselves; what it does not say is taken from them.
    assert before[known[0]].facts == NOTHING_TOLD
    assert found[known[0]].facts == CustomerFacts(2, 29, "Asia/Shanghai", "zh-CN")
    assert found[known[1]].facts == before[known[1]].facts != NOTHING_TOLD
    # After the night there is nothing left to do: the new build knows those events.
    assert not replay.follow()


def test_whoever_only_browsed_has_the_features_of_the_night(replay: Replay) -> None:
    noon = replay.midnight + timedelta(hours=12)
    order = next(replay.orders())
    p, q = "p-looked-at", order["properties"]["products"][0]["product_id"]
    known = ("looks", "signed-in", "replies", "follows", "of-a-phone", "buys-at-last")
    others = ("written-to", "anonymous:pad", "later")
    replay.agree(*known, *others)
    on_the_phone = event("Product Viewed", "", noon, product_id=q, message_id="phone") | {"anonymousId": "phone"}
    on_the_pad = event("Product Viewed", "", noon, product_id=q, message_id="pad") | {"anonymousId": "pad"}
    del on_the_phone["userId"], on_the_pad["userId"]
    replay.post(
        [
            *(event("Product Viewed", "looks", noon + timedelta(minutes=n), product_id=product) for n, product in enumerate((p, q, p))),
            event("Product Added", "looks", noon + timedelta(hours=1), product_id=q),
            event("Product Removed", "looks", noon + timedelta(hours=2), product_id="p-removed"),
            identify("signed-in", noon),
            event("Quiz Answered", "replies", noon, answer="敏感肌"),
            event("Group Joined", "follows", noon, channel="wecom"),
            on_the_phone,
            on_the_pad,
            {"type": "identify", "messageId": "i", "userId": "of-a-phone", "anonymousId": "phone", "timestamp": noon.isoformat()},
            event("Product Viewed", "buys-at-last", noon, product_id=p),
            order | {"userId": "buys-at-last", "messageId": "at-last", "properties": {**order["properties"], "order_id": "at-last"}},
            event("Message Sent", "written-to", noon, channel="email", email_id="m"),
            event("Product Viewed", "never-agreed", noon, product_id=p),
            event("Product Viewed", "later", noon + timedelta(days=2), product_id=p),
        ]
    )
    clock = replay.midnight + timedelta(days=1)
    replay.follow(now=clock)
    found = replay.online()
    replay.night(clock)
    expected = replay.online()
    assert set(found) == set(expected) >= set(known)
    assert not {*others, "never-agreed", "anonymous:phone"} & set(found)
    for customer in known:
        assert_same(found[customer], expected[customer])
    looks, buyer = found["looks"], found["buys-at-last"]
    # Of orders nothing is known, which is not the same as an order today.
    assert [looks.value(name) for name in ("order_count", "order_days_last_91d", "amount_decayed_112d")] == [0.0, 0.0, 0.0]
    assert all(math.isnan(looks.value(name)) for name in ("days_since_last_order", "days_since_first_order", "gap_mean", "amount_mean"))
    assert looks.value("days_since_last_product_view") == pytest.approx((12 * 60 - 2) / 1440)
    assert looks.looked.product_ids.tolist() == [q, p]
    assert looks.looked.purchases.tolist() == [2, 2]
    assert (len(looks.recent), looks.categories) == (0, ())
    assert found["of-a-phone"].looked.product_ids.tolist() == [q]
    assert found["signed-in"].facts.timezone == "Asia/Shanghai"
    assert list(found["replies"].tags) == ["tag:敏感肌"]
    assert (len(found["follows"].looked), found["follows"].value("channel_left")) == (0, 0.0)
    assert (len(buyer.looked), buyer.has_ordered) == (0, True)
    # What a model learns from never holds them.
    frame = open_offline(replay.settings).keys()
    assert not set(frame["customer_id"]) & {*known} - {"buys-at-last"}
    assert set(pl.read_parquet(open_offline(replay.settings).folder / FILE)["customer_id"]) == {*known} - {"buys-at-last"}
    assert not replay.follow(now=clock), "the night's build knows all of it"


def test_what_happens_after_the_clock_is_not_seen(replay: Replay) -> None:
    orders = list(replay.orders())
    clock = replay.midnight + timedelta(hours=20)
    later = [order for order in orders if order["timestamp"] > clock.isoformat()]
    assert later
    assert len(later) < len(orders)
    replay.post(orders)
    replay.follow(now=clock)
    found = replay.online()
    replay.night(clock)
    expected = replay.online()
    assert set(found) == set(expected)
    for customer in sorted({order["userId"] for order in orders} & set(expected)):
        assert_same(found[customer], expected[customer])
