from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from features.decisions.record import NO_ACTION, Considered, Holdout
from features.decisions.slots import Unchosen, fill_slots, unchosen


def offer(offer_id: str, *products: str, kind: str = "item") -> Considered:
    return Considered(offer_id=offer_id, type=kind, product_ids=products, propensity=0.5, policy_propensity=0.5)


SILENCE = offer(NO_ACTION, kind=NO_ACTION)


def filled(
    considered: list[Considered], order: Sequence[int], *, limit: int, holdout: Holdout | None = None
) -> tuple[list[int], list[Unchosen]]:
    given = fill_slots(considered, order, limit=limit)
    return given, unchosen(considered, order, given, limit=limit, holdout=holdout)


def test_stops_at_silence() -> None:
    given_, others = filled([offer("a"), SILENCE, offer("b"), offer("c")], (2, 0, 1, 3), limit=5)
    assert given_ == [2, 0, 1]
    assert [(one.place, one.code) for one in others] == [(3, "worth_no_more_than_silence")]


def test_no_product_twice_and_the_earlier_offer_keeps_it() -> None:
    given_, others = filled([offer("low", "p", "q"), offer("high", "p"), SILENCE], (1, 0, 2), limit=5)
    assert given_ == [1, 2]
    assert others[0].code == "product_already_offered"


def test_limit_cuts_silence_too() -> None:
    given_, others = filled([offer("a"), offer("b"), SILENCE], (0, 1, 2), limit=1)
    assert given_ == [0]
    assert {one.code for one in others} == {"beyond_limit"}


def test_a_holdout_is_named_as_the_reason() -> None:
    given_, others = filled([offer("a"), SILENCE], (1, 0), limit=5, holdout=Holdout.UNIVERSAL)
    assert given_ == [1]
    assert [one.code for one in others] == ["holdout"]


offers = st.lists(st.builds(offer, st.text("abcd", min_size=1, max_size=3), st.sampled_from("pqrs")), max_size=12)


@given(offers, st.integers(1, 6), st.randoms())
def test_loses_nothing_and_gives_what_was_drawn_first(made: list[Considered], limit: int, random: object) -> None:
    considered = [*made, SILENCE]
    order = list(range(len(considered)))
    random.shuffle(order)  # type: ignore[attr-defined]
    given_, others = filled(considered, order, limit=limit)
    assert 1 <= len(given_) <= limit
    assert given_[0] == order[0]
    assert sorted([*given_, *(one.place for one in others)]) == sorted(order)
    products = [product for place in given_ for product in considered[place].product_ids]
    assert len(products) == len(set(products))
    assert all(one.sentence_en and one.sentence_zh for one in others)
