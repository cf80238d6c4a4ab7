from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from serving.decisioning.arbitration import arbitrate
from serving.offers import no_action
from serving.offers.protocol import Candidate, OfferItem, cents
from tests.serving.small_shop import AS_OF

SILENCE = Candidate(no_action.NAME, no_action.NAME, (), 0.0, 0.0, 0.0, (), AS_OF, ("email",))


def offer(offer_id: str, value: float, *products: str) -> Candidate:
    items = tuple(OfferItem(p, p, 0.5) for p in products)
    return Candidate(offer_id, "item", items, 1.0, value, 0.0, (), AS_OF + timedelta(days=1), ("email",))


def test_ranks_by_value_and_stops_at_silence() -> None:
    chosen, dropped = arbitrate([offer("a", 0.2), SILENCE, offer("b", 0.5), offer("c", -0.1)], limit=5)
    assert [c.offer_id for c in chosen] == ["b", "a", "no_action"]
    assert [(d.candidate.offer_id, d.code) for d in dropped] == [("c", "worth_no_more_than_silence")]


def test_what_rounds_to_nothing_is_worth_no_more_than_silence() -> None:
    chosen, _ = arbitrate([offer("tiny", 0.004), SILENCE], limit=5)
    assert [c.offer_id for c in chosen] == ["no_action"]


def test_no_product_twice_and_the_better_offer_keeps_it() -> None:
    chosen, dropped = arbitrate([offer("low", 1, "p", "q"), offer("high", 2, "p"), SILENCE], limit=5)
    assert [c.offer_id for c in chosen] == ["high", "no_action"]
    assert dropped[0].code == "product_already_offered"


def test_limit_cuts_silence_too() -> None:
    chosen, dropped = arbitrate([offer("a", 3), offer("b", 2), SILENCE], limit=1)
    assert [c.offer_id for c in chosen] == ["a"]
    assert {d.code for d in dropped} == {"beyond_limit"}


offers = st.lists(st.builds(offer, st.text("abcd", min_size=1, max_size=3), st.floats(-5, 5), st.sampled_from("pqrs")), max_size=12)


@given(offers, st.integers(1, 6), st.randoms())
def test_is_a_total_order_and_loses_nothing(made: list[Candidate], limit: int, random: object) -> None:
    candidates = [*made, SILENCE]
    chosen, dropped = arbitrate(candidates, limit=limit)
    assert 1 <= len(chosen) <= limit
    assert sorted(c.offer_id for c in candidates) == sorted([*(c.offer_id for c in chosen), *(d.candidate.offer_id for d in dropped)])
    assert all(cents(a.expected_value) >= cents(b.expected_value) for a, b in pairwise(chosen))
    products = [item.product_id for c in chosen for item in c.items]
    assert len(products) == len(set(products))
    shuffled = candidates.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    again, _ = arbitrate(shuffled, limit=limit)
    assert [(c.offer_id, c.margin) for c in again] == [(c.offer_id, c.margin) for c in chosen]
