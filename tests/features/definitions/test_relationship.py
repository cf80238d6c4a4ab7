"""Complaints, answers, membership, tags and the channel of one customer, counted by hand."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from features.definitions.activity import ACTIVITY
from features.definitions.relationship import RELATIONSHIP
from features.definitions.view import FeatureView
from features.schema import ACTIVITIES, CONTACTS, INTERACTIONS
from features.tags_build import newest_tags
from tests.features.ground import assert_same, evaluate, shop_of, spine_of
from tests.shop import START, TICK, Tables, sample_tables

DAY = timedelta(days=1)
TOLD: list[tuple[float, str, dict[str, Any]]] = [
    (0, "complaint_opened", {"subject": "a"}),
    (1, "complaint_opened", {"subject": "a"}),  # the same complaint again
    (1, "complaint_closed", {"subject": "never-opened"}),
    (2, "complaint_opened", {"subject": "b"}),
    (4, "complaint_closed", {"subject": "a"}),
    (5, "product_reviewed", {"value": 5.0}),
    (6, "product_reviewed", {"value": 2.0}),
    (6, "product_reviewed", {}),  # words without a rating
    (3, "nps_answered", {"value": 9.0}),
    (7, "nps_answered", {"value": 0.0}),
    (7, "survey_answered", {"subject": "s"}),
    (1, "points_changed", {"value": 10.0}),
    (2, "points_changed", {"value": 300.0, "subject": "balance"}),
    (3, "points_changed", {"value": -50.0}),
    (1, "tier_changed", {"label": "gold", "value": 3.0}),
    (8, "tier_changed", {"label": "silver", "value": 2.0}),
    (1, "tag_added", {"label": "干皮"}),
    (2, "tag_added", {"label": "敏感肌"}),
    (3, "tag_added", {"label": "干皮"}),
    (4, "need_stated", {"label": "Coffee", "value": 28.0}),
    (2, "life_stage_stated", {"label": "new-parent", "subject": "life_stage"}),
    (2, "life_stage_stated", {"label": "0-1", "subject": "child_age_band"}),
    (3, "message_opened", {}),
    (3, "message_clicked", {}),
    (5, "unsubscribed", {"channel": "email"}),
    (6, "channel_joined", {"channel": "email"}),
    (8, "group_left", {}),
    (2, "content_viewed", {"subject": "article", "value": 60.0}),
    (7, "live_attended", {"subject": "live"}),
    (8, "store_visited", {"subject": "s1"}),
    (1, "list_viewed", {}),
    (3, "product_viewed", {"subject": "p"}),  # counted where it stands among the interactions
]
SENT = (1, 2, 4)
LOOKED = [(1.0, "viewed"), (2.0, "viewed"), (3.0, "carted"), (4.0, "liked"), (5.0, "tried_on"), (6.0, "purchased")]


@pytest.fixture(scope="module")
def tables() -> Tables:
    rows = [
        {"activity_id": f"{i:02d}", "customer_id": "me", "kind": k, "occurred_at": START + d * DAY, **facts}
        for i, (d, k, facts) in enumerate(TOLD)
    ]
    sent = [{"contact_id": str(d), "customer_id": "me", "sent_at": START + d * DAY} for d in SENT]
    looked = [
        {"interaction_id": str(i), "customer_id": "me", "type": t, "product_id": "p", "occurred_at": START + d * DAY}
        for i, (d, t) in enumerate(LOOKED)
    ]
    looked.append({"interaction_id": "timeless", "customer_id": "me", "type": "viewed", "product_id": "p", "occurred_at": None})
    made = {
        t.name: pl.DataFrame(r, schema=t.columns, infer_schema_length=None)
        for t, r in ((ACTIVITIES, rows), (CONTACTS, sent), (INTERACTIONS, looked))
    }
    return {**sample_tables(customers=2, weeks=8), **made}


def at(view: FeatureView, tables: Tables, as_of: datetime) -> dict[str, float | None]:
    frame = evaluate(view, shop_of(tables), spine_of(tables, [as_of], ["me"]))
    return {name: frame[name][0] for name in view.features}


def test_the_relationship_at_the_ninth_day(tables: Tables) -> None:
    opened_112 = math.exp(-6 / 112)
    assert at(RELATIONSHIP, tables, START + 9 * DAY) == pytest.approx(
        {
            "complaints_open": 1,
            "days_since_last_complaint": 7,
            "review_count": 3,
            "mean_rating": 3.5,
            "last_nps": 0,
            "surveys_answered": 3,
            "points_balance": 250,
            "tier_level": 2,
            "tag_count": 2,
            "needs_stated_decayed_56d": math.exp(-5 / 56),
            "days_since_last_need": 5,
            "messages_opened_decayed_28d": math.exp(-6 / 28),
            "messages_opened_decayed_112d": opened_112,
            "messages_clicked_decayed_112d": opened_112,
            "days_since_last_message_opened": 6,
            "mean_open_rate": opened_112 / sum(math.exp(-(9 - d) / 112) for d in SENT),
            "channel_left": 1,
            "leaving_count": 2,
            "days_since_last_leaving": 1,
        }
    )


@pytest.mark.parametrize(("day", "left"), [(4.9, 0), (5, 1), (5.9, 1), (6, 0), (7.9, 0), (8, 1)])
def test_whoever_joins_again_is_back_in_the_channel(tables: Tables, day: float, left: int) -> None:
    assert at(RELATIONSHIP, tables, START + day * DAY)["channel_left"] == left


@pytest.mark.parametrize(("day", "complaints"), [(0, 1), (1, 1), (2, 2), (3.9, 2), (4, 1)])
def test_complaints_are_states_and_not_numbers_of_events(tables: Tables, day: float, complaints: int) -> None:
    assert at(RELATIONSHIP, tables, START + day * DAY)["complaints_open"] == complaints


@pytest.mark.parametrize(("day", "points"), [(1 - 1e-6, 0), (1, 10), (2, 300), (3, 250)])
def test_a_balance_that_is_told_takes_the_place_of_what_was_added_up(tables: Tables, day: float, points: float) -> None:
    assert at(RELATIONSHIP, tables, START + day * DAY)["points_balance"] == points


def test_what_was_looked_at_is_counted_once(tables: Tables) -> None:
    assert at(ACTIVITY, tables, START + 9 * DAY) == pytest.approx(
        {
            "product_views_decayed_7d": math.exp(-8 / 7) + math.exp(-1),
            "product_views_decayed_28d": math.exp(-8 / 28) + math.exp(-7 / 28),
            "days_since_last_product_view": 7,
            "carts_decayed_28d": math.exp(-6 / 28),
            "days_since_last_cart": 6,
            "likes_decayed_112d": math.exp(-5 / 112),
            "try_ons_decayed_112d": math.exp(-4 / 112),
            "searches_decayed_28d": math.exp(-8 / 28),
            "content_views_decayed_28d": math.exp(-7 / 28),
            "days_since_last_content_view": 7,
            "live_attended_decayed_112d": math.exp(-2 / 112),
            "store_visits_decayed_112d": math.exp(-1 / 112),
            "days_since_last_activity": 1,
        }
    )


@pytest.mark.parametrize("view", [ACTIVITY, RELATIONSHIP], ids=lambda view: view.name)
def test_a_shop_without_such_events_gets_the_same_whether_or_not_its_tables_are_known_to_be_empty(view: FeatureView) -> None:
    tables = sample_tables(customers=20, weeks=12)  # with its contacts
    without = {**tables, "activities": ACTIVITIES.empty(), "interactions": INTERACTIONS.empty()}
    spine = spine_of(tables, [START + 30 * DAY, START + 60 * DAY + TICK])
    counted, told = shop_of(without), shop_of(without, empty=frozenset({"activities", "interactions"}))
    assert_same(evaluate(view, told, spine), evaluate(view, counted, spine), view.keys)


def test_the_newest_tags_stand_first_and_tiers_take_each_others_place(tables: Tables) -> None:
    (row,) = newest_tags(tables["activities"], START + 9 * DAY).iter_rows(named=True)
    expected = {"tier:silver": 1, "need:Coffee": 5, "tag:干皮": 6, "child_age_band:0-1": 7, "life_stage:new-parent": 7, "tag:敏感肌": 7}
    assert row["tags"] == list(expected)
    assert row["days_since_told"] == pytest.approx(list(expected.values()))


def test_tags_see_nothing_later(tables: Tables) -> None:
    (row,) = newest_tags(tables["activities"], START + 1 * DAY).iter_rows(named=True)
    assert row["tags"] == ["tag:干皮", "tier:gold"]
    assert newest_tags(tables["activities"], START).is_empty()
