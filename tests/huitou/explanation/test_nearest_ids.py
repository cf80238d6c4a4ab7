"""Ids close to a mistyped one, and not many of them."""

from __future__ import annotations

from huitou.explanation.nearest_ids import nearest_ids

IDS = sorted([*(str(i) for i in range(1, 2500)), "顾客-edge"])


def test_a_slip_is_mended() -> None:
    assert "1234" in nearest_ids("12 34", IDS)
    assert nearest_ids("顾客-edgе", IDS) == ["顾客-edge"]


def test_three_at_most_and_only_close_ones() -> None:
    assert len(nearest_ids("1000x", IDS)) == 3
    assert nearest_ids("somebody else", IDS) == []
    assert nearest_ids("1", []) == []


def test_a_large_shop_is_searched_around_the_place_the_id_would_have() -> None:
    many = [f"{i:07d}" for i in range(300_000)]
    assert nearest_ids("015000O", many)[0].startswith("015000")
