"""The decoder of events takes anything: seeds that are mended byte by byte, and JSON that was never meant. See also `atheris_events.py`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.serving.api.event_decoder import SEEDS, decode

TIMES = ["9999-12-31T23:59:59.999999-14:00", "0001-01-01T00:00:00+14:00", "2026-02-30T00:00:00Z", "1e10"]
ODD = ["", "\0", "\ud800", "１２", "9" * 5000, "1e999", "NaN", "-1", "c" * 201, *TIMES]
FIELDS = ["type", "event", "messageId", "userId", "anonymousId", "previousId", "timestamp", "originalTimestamp", "properties", "traits"]
FIELDS += ["specversion", "id", "source", "subject", "time", "data", "data_base64", "batch", "products", "order_id", "total", "quantity"]
PARTS = [b"", b'"', b"\\u0000", b"\\ud800", b"[", b"}", b"1e999"]

heads = st.integers(0, 255)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(ODD)
names = st.sampled_from(FIELDS) | st.text(max_size=3)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4), max_leaves=12)


@st.composite
def mended(draw: st.DrawFn) -> bytes:
    """A seed with some bytes replaced, doubled, cut or put in."""
    body = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, max(0, len(body) - 1)))
        until = at + draw(st.integers(0, 12))
        part = draw(
            st.sampled_from([b"", bytes(body[at:until]) * 2, b'"', b"\\u0000", b"\\ud800", b"[", b"}", b"1e999"]) | st.binary(max_size=4)
        )
        body[at:until] = part
    return bytes(body)


@st.composite
def replaced(draw: st.DrawFn) -> bytes:
    """A seed in which whole values are others."""
    message = json.loads(draw(st.sampled_from(SEEDS[:9])))
    target: Any = message[0] if isinstance(message, list) else message
    for _ in range(draw(st.integers(1, 4))):
        target[draw(st.sampled_from(sorted(target)) | names)] = draw(values)
        inner = [value for value in target.values() if isinstance(value, dict) and value]
        target = draw(st.sampled_from([target, *inner]))
    return json.dumps(message).encode()


@settings(max_examples=300)
@given(heads, mended() | replaced() | st.binary(max_size=60) | values.map(lambda value: json.dumps(value).encode()))
@example(64, b"")
def test_anything_is_refused_by_name_or_kept_as_it_is(head: int, body: bytes) -> None:
    decode(bytes([head]) + body)


@pytest.mark.parametrize("head", range(256))
def test_the_seeds_under_every_head(head: int) -> None:
    for seed in SEEDS:
        decode(bytes([head]) + seed)


def test_the_lawful_seeds_are_understood() -> None:
    understood = [decode(bytes([16 if seed.startswith(b"[") else 0]) + seed) for seed in SEEDS]
    assert understood == [1, 1, 1, 1, 0, 0, 1, 1, 1, 2, 0, 0, 0]
