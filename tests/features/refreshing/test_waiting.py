from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from features.ledger.events import Head
from features.refreshing.waiting import Waiting

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KINDS = ("order_completed", "product_viewed")


def heads(*told: tuple[str, str], start: int = 1) -> list[Head]:
    return [Head(seq, kind, who, NOON) for seq, (kind, who) in enumerate(told, start=start)]


def test_who_ordered_comes_first_and_some_places_are_kept_for_the_others() -> None:
    waiting = Waiting(0)
    waiting.note(heads(*(("product_viewed", f"v{i}") for i in range(9)), *(("order_completed", f"o{i}") for i in range(9))))
    assert waiting.next(4) == ["o0", "o1", "o2", "v0"]
    assert waiting.next(100) == [*(f"o{i}" for i in range(9)), *(f"v{i}" for i in range(9))]


def test_an_order_moves_somebody_who_waits_forward_and_keeps_the_number() -> None:
    waiting = Waiting(0)
    waiting.note(heads(("product_viewed", "a"), ("product_viewed", "b"), ("order_completed", "b"), ("product_viewed", "b")))
    assert waiting.next(1) == ["b"]
    assert len(waiting) == 2
    waiting.done(["a"])
    assert waiting.followed() == 1, "b's first event is number 2"
    assert waiting.followed(["b"]) == 4
    waiting.done(["b"])
    assert waiting.followed() == waiting.seq == 4


def test_links_wait_without_a_number() -> None:
    waiting = Waiting(7)
    waiting.touch({"a"})
    assert not waiting.logs_done()
    assert waiting.followed() == 7
    assert waiting.next(5) == ["a"]
    waiting.done(["a"])
    assert waiting.logs_done()


@given(
    told=st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from("abcdefgh")), max_size=60),
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=40),
)
def test_whoever_waits_is_never_behind_what_is_followed(told: list[tuple[str, str]], sizes: list[int]) -> None:
    waiting, every, refreshed = Waiting(0), heads(*told), {}
    left = list(every)
    for size in sizes:
        part, left = left[: size * 2], left[size * 2 :]
        waiting.note(part)
        chosen = waiting.next(size)
        assert len(chosen) == len(set(chosen)) <= size
        refreshed |= dict.fromkeys(chosen, waiting.seq)
        waiting.done(chosen)
        # Everything up to the number is known to the last refresh of its customer.
        assert all(refreshed.get(head.recorded_as, 0) >= head.seq for head in every if head.seq <= waiting.followed())
        assert waiting.followed() <= waiting.seq
