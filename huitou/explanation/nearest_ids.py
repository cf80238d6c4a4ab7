"""Ids close to one that is not known: for a slip of the fingers, not for browsing the customers."""

from __future__ import annotations

import difflib
from bisect import bisect_left
from collections.abc import Sequence
from itertools import takewhile

_MOST = 3
_SHORTLIST = 200  # equally close ids are many in a shop that numbers its customers; of these the ones with the same beginning are meant
_AROUND = 20_000  # ids compared on either side in the sorted list: 0.2 s; a whole smaller shop, the same first letters in a larger one


def nearest_ids(wanted: str, ids: Sequence[str]) -> list[str]:
    """At most three ids, the closest first; none when nothing is close.

    Args:
        wanted: as typed.
        ids: all ids, sorted.
    """
    place = bisect_left(ids, wanted)
    close = difflib.get_close_matches(wanted, ids[max(place - _AROUND, 0) : place + _AROUND], n=_SHORTLIST)

    def rank(known: str) -> tuple[float, int, str]:
        likeness = difflib.SequenceMatcher(None, known, wanted).ratio()
        beginning = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(known, wanted, strict=False)))
        return -likeness, -beginning, known

    return sorted(close, key=rank)[:_MOST]
