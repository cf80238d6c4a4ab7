"""A JSON document that is written while its rows are read: a row a line, never more than a few of them in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

_CHARACTERS = 65_536  # of one piece: fewer calls of the network and of the terminal, and no memory to speak of


def written(sections: Iterable[tuple[str, Iterable[Mapping[str, Any]]]], encode: Callable[[Mapping[str, Any]], str]) -> Iterator[str]:
    """An object of lists, piece by piece.

    Args:
        sections: name → rows, each gone through before the next is asked for.
        encode: a row as JSON.
    """
    first = True
    for name, rows in sections:
        yield f"{'{' if first else ','}\n{json.dumps(name, ensure_ascii=False)}: ["
        first, begun = False, False
        for row in rows:
            yield f"{',' if begun else ''}\n{encode(row)}"
            begun = True
        yield "]"
    yield "{}" if first else "\n}"


def gathered(pieces: Iterable[str]) -> Iterator[str]:
    """The same text in pieces of a size worth sending."""
    waiting: list[str] = []
    characters = 0
    for piece in pieces:
        waiting.append(piece)
        characters += len(piece)
        if characters >= _CHARACTERS:
            yield "".join(waiting)
            waiting, characters = [], 0
    if waiting:
        yield "".join(waiting)
