"""The whole way round with few people: files in, decisions over the API, events and outcomes back, a night between the weeks."""

from __future__ import annotations

import numpy as np
import pytest

from huitou.simulation.comparison import OURS, Comparison, compare
from huitou.simulation.messages import Messages
from huitou.simulation.told_offers import ToldOffers
from tests.training.simulation.small_world import small
from training.simulation.state import NOTHING
from training.simulation.trajectory import before_live
from training.simulation.world import Happened, World, make_world


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(small(customers=60, weeks=10), seed=1, weeks=2)


def test_huitou_is_asked_told_and_compared() -> None:
    parts: list[str] = []
    asked = Comparison(small(customers=60, weeks=10), weeks=2, peers=("myopic oracle",), models=())
    table = compare(asked, [1], tell=parts.append)
    rows = {row.policy: row for row in table.rows}
    assert list(rows) == [OURS, "send nothing", "myopic oracle"]
    assert rows["send nothing"].incremental_margin.mean == 0
    assert any(note.startswith("answers: ") for note in table.notes)
    assert len(rows[OURS].cumulated) == 2
    assert {share.policy for share in table.oracle_shares} == {OURS, "myopic oracle"}
    assert all(np.isfinite(week.mean) for share in table.oracle_shares for week in share.by_week)
    assert [part for part in parts if "asking" in part] == [
        f"seed 1: {OURS}, week {week}: asking" for week in (1, 2, 3)
    ]  # and the morning after
    assert compare(asked, [1]) == table  # everything that is drawn hangs on the seed


def test_what_happened_is_told_once_and_whole(world: World) -> None:
    days: list[Happened] = []
    state = world.begin()
    before_live(world, state, watch=days.append)
    messages = Messages(world)
    orders = [message for day in days for message in messages.orders(day)]
    others = [message for day in days for message in messages.others(day)]
    ids = [message["messageId"] for message in orders + others]
    assert len(ids) == len(set(ids))
    paid = sum(message["properties"]["total"] for message in orders)
    assert paid == pytest.approx(sum(day.lines.paid.sum() for day in days), abs=0.01 * len(orders))
    assert sum(m["event"] == "Message Sent" for m in others) == sum(len(day.sent) for day in days)
    assert sum(m["event"] == "Message Opened" for m in others) == sum(day.opened.sum() for day in days)
    assert sum(m["event"] == "Unsubscribed" for m in others) == sum(len(day.unsubscribed) for day in days)


@pytest.mark.parametrize(
    ("offer", "meant"),
    [
        ({"type": "no_action", "offer_id": "no_action", "items": []}, None),
        ({"type": "coupon", "offer_id": "coupon:coupon_20", "items": []}, "coupon_20"),
        ({"type": "replenishment", "offer_id": "replenishment:coffee", "items": [{"product_id": "coffee-024"}]}, "replenish_coffee"),
        ({"type": "replenishment", "offer_id": "replenishment:SERUM", "items": []}, "replenish_serum"),
        ({"type": "item", "offer_id": "item:serum-008", "items": [{"product_id": "serum-008"}]}, "replenish_serum"),
        (
            {"type": "bundle", "offer_id": "bundle:7", "items": [{"product_id": "serum-008"}, {"product_id": "face_mask-000"}]},
            "set_serum_mask",
        ),
        ({"type": "winback", "offer_id": "winback", "items": []}, "comeback_15"),
        ({"type": "survey", "offer_id": "survey:1", "items": []}, "stories"),
    ],
)
def test_an_answered_offer_is_what_it_resembles(world: World, offer: dict[str, object], meant: str | None) -> None:
    assert ToldOffers(world).number(offer) == (NOTHING if meant is None else world.offers.number(meant))
