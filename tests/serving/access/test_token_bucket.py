"""A bucket never gives more than its burst and what came back since; whoever waits as told is let in."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from serving.access.token_bucket import TokenBucket


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@given(st.floats(0.1, 1e4), st.integers(1, 50), st.lists(st.floats(0, 5), max_size=60))
def test_never_more_than_was_promised(per_second: float, burst: int, pauses: list[float]) -> None:
    clock = Clock()
    bucket = TokenBucket(per_second, burst, clock)
    let_in = 0
    for pause in pauses:
        clock.now += pause
        let_in += bucket.take() == 0
    assert let_in <= burst + (clock.now - 100.0) * per_second + 1e-6


@given(st.floats(0.1, 1e4), st.integers(1, 50))
def test_who_waits_as_told_is_let_in(per_second: float, burst: int) -> None:
    clock = Clock()
    bucket = TokenBucket(per_second, burst, clock)
    assert [bucket.take() for _ in range(burst)] == [0.0] * burst
    wait = bucket.take()
    assert 0 < wait <= 1 / per_second
    clock.now += wait * 0.5
    assert bucket.take() > 0, "not sooner"
    clock.now += wait * 0.5 + 1e-6
    assert bucket.take() == 0


def test_the_headers_say_what_is_left_and_when_it_is_full() -> None:
    clock = Clock()
    bucket = TokenBucket(2.0, 10, clock)
    for _ in range(4):
        bucket.take()
    told = bucket.headers()
    assert told == {"ratelimit-policy": '"key";q=10;w=5', "ratelimit": '"key";r=6;t=2'}
    assert all(re.fullmatch(r'"key"(;[a-z]=\d+){2}', value) for value in told.values())
