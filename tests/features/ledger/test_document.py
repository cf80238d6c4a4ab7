from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from features.ledger.document import gathered, written

ROWS = st.lists(st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=20), max_size=4), max_size=5)


@given(st.dictionaries(st.text(max_size=5), ROWS, max_size=4))
def test_the_pieces_are_one_json_document(sections: dict[str, list[dict[str, Any]]]) -> None:
    pieces = written(((name, iter(rows)) for name, rows in sections.items()), lambda row: json.dumps(row, ensure_ascii=False))
    assert json.loads("".join(gathered(pieces))) == sections


def test_what_is_gathered_is_given_on_before_there_is_much_of_it() -> None:
    made = [0]

    def pieces() -> Any:
        for _ in range(1000):
            made[0] += 1
            yield "x" * 1000

    sizes = []
    for piece in gathered(pieces()):
        sizes.append(len(piece))
        assert made[0] * 1000 == sum(sizes)
    assert sum(sizes) == 1_000_000
    assert max(sizes) < 100_000
