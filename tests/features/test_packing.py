"""Packing is exact: every bit survives, and damage is told."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from features.errors import StateBroken
from features.packing import Block

HASH = "0123456789abcdef"
WHEN = datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC)
BLOCK = Block(HASH, WHEN, ("", "面膜"), np.array([[1.5, np.nan], [-0.0, np.inf]]))


@st.composite
def blocks(draw: st.DrawFn) -> Block:
    rows, columns = draw(st.integers(0, 5)), draw(st.integers(0, 4))
    labels = draw(st.lists(st.text(), min_size=rows, max_size=rows))
    values = draw(arrays(np.float64, (rows, columns), elements=st.floats(width=64)))
    as_of = draw(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis asks for naive bounds
    return Block(HASH, as_of, tuple(labels), values)


@given(blocks())
def test_unpacking_gives_back_every_bit(block: Block) -> None:
    back = Block.unpack(block.pack(), feature_hash=HASH)
    assert (back.feature_hash, back.as_of, back.labels) == (block.feature_hash, block.as_of, block.labels)
    assert back.values.shape == block.values.shape
    assert back.values.tobytes() == block.values.tobytes()


def test_any_truncation_is_told() -> None:
    data = BLOCK.pack()
    for size in range(len(data)):
        with pytest.raises(StateBroken):
            Block.unpack(data[:size])


def test_bytes_too_many_are_told() -> None:
    with pytest.raises(StateBroken, match="truncated"):
        Block.unpack(BLOCK.pack() + b"\0" * 8)


def test_another_feature_set_is_refused_and_named() -> None:
    with pytest.raises(StateBroken, match=f"set {HASH}, expected fedcba9876543210"):
        Block.unpack(BLOCK.pack(), feature_hash=HASH.translate(str.maketrans("0123456789abcdef", "fedcba9876543210")))


@pytest.mark.parametrize("data", [b"XX01" + BLOCK.pack()[4:], BLOCK.pack()[:4] + b"\xff" * 16 + BLOCK.pack()[20:], b"\0" * 100])
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(StateBroken):
        Block.unpack(data, feature_hash=HASH)
