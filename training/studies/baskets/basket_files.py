"""Reads next-basket sets in JSON: histories, next baskets and splits of the users.

As "A Next Basket Recommendation Reality Check" publishes them: `{user: [[-1], basket, …, [-1]]}` for histories and next baskets, where the
`[-1]` at both ends are markers that may be absent, and `{"train": [user, …], "val": […], "test": […]}` for each split.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from training.datasets.basket_sequences import BasketSequences
from training.studies.baskets.basket_set import BasketSet, Split, refuse_leak, with_targets
from training.studies.study import StudyRefused

Ints = NDArray[np.int64]
Baskets = Mapping[str, list[list[str]]]

_MARKER = [-1]
_PARTS = {"train": ("train",), "val": ("val", "valid", "validation", "meta"), "test": ("test",)}


def read_basket_files(history: Path, future: Path, splits: Sequence[Path]) -> BasketSet:
    """Read and check the files of one set.

    Args:
        history: each user's baskets, oldest first.
        future: each user's next basket.
        splits: one file per split.

    Raises:
        StudyRefused: a file is not of this shape, a split names an unknown user or one user twice, is empty, or the histories hold the
            next baskets (names file and user).
    """
    known, asked = _read_baskets(history), _read_baskets(future)
    several = next((user for user, baskets in asked.items() if len(baskets) > 1), None)
    if several is not None:
        raise StudyRefused(f"{future}: user {several!r} has {len(asked[several])} baskets; there must be one, the next.")
    users = {user: number for number, user in enumerate(known)}
    items = {item: number for number, item in enumerate(_first_seen(known, asked))}
    histories, targets = _sequences(known, users, items), _targets(asked, users, items)
    notes = [refuse_leak(histories, targets, f"{history} and {future}")]
    strangers = sum(user not in users for user in asked)
    if strangers:
        notes.append(f"{future.name}: {strangers:,} users without a history were left out.")
    read = []
    for path in splits:
        split, note = with_targets(_read_split(path, users, history), targets, str(path))
        read.append(split)
        notes.append(note)
    protocol = (
        f"Each user's next basket ({future.name}) is predicted from the baskets before it ({history.name}). Who is learned from, chosen on "
        f"and judged: {', '.join(path.name for path in splits)}."
    )
    return BasketSet(history.resolve().parent.name, histories, targets, read, protocol, [note for note in notes if note])


def _read_baskets(path: Path) -> Baskets:
    read = _read_object(path)
    return {user: _baskets(path, user, value) for user, value in read.items()}


def _baskets(path: Path, user: str, value: Any) -> list[list[str]]:  # noqa: ANN401 - whatever the JSON holds
    if not isinstance(value, list) or not all(isinstance(basket, list) for basket in value):
        raise StudyRefused(f"{path}: user {user!r}: expected a list of baskets, each a list of items; found {str(value)[:60]}.")
    kept = [basket for basket in value if basket and basket != _MARKER]
    for basket in kept:
        for item in basket:
            if isinstance(item, bool) or not isinstance(item, str | int):
                raise StudyRefused(f"{path}: user {user!r}: an item must be a number or text; found {str(item)[:60]}.")
    return [list(map(str, basket)) for basket in kept]


def _read_object(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=lambda pairs: _distinct(path, pairs))
    except FileNotFoundError as error:
        raise StudyRefused(f"{path}: there is no such file.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise StudyRefused(f"{path} cannot be read: {error}.") from error
    except ValueError as error:
        raise StudyRefused(f"{path} is not JSON: {error}.") from error
    if not isinstance(read, dict) or not read:
        raise StudyRefused(f"{path}: expected a JSON object with at least one user, found {type(read).__name__}.")
    return read


def _distinct(path: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) < len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise StudyRefused(f"{path}: {twice!r} stands there twice.")
    return read


def _first_seen(*parts: Baskets) -> list[str]:
    return list(dict.fromkeys(item for part in parts for baskets in part.values() for basket in baskets for item in basket))


def _sequences(known: Baskets, users: Mapping[str, int], items: Mapping[str, int]) -> BasketSequences:
    lines = [
        (users[user], position, items[item])
        for user, baskets in known.items()
        for position, basket in enumerate(baskets)
        for item in basket
    ]
    user, position, item = np.array(lines, np.int64).reshape(-1, 3).T
    return BasketSequences.of(len(users), len(items), user, position, item)


def _targets(asked: Baskets, users: Mapping[str, int], items: Mapping[str, int]) -> sparse.csr_matrix:
    pairs = [(users[user], items[item]) for user, baskets in asked.items() if user in users for basket in baskets for item in set(basket)]
    row, column = np.array(pairs, np.int64).reshape(-1, 2).T
    targets = sparse.csr_matrix((np.ones(len(row), np.float32), (row, column)), shape=(len(users), len(items)))
    targets.sort_indices()
    return targets


def _read_split(path: Path, users: Mapping[str, int], history: Path) -> Split:
    read = _read_object(path)
    parts: dict[str, Ints] = {}
    place: dict[str, str] = {}
    for part, names in _PARTS.items():
        listed: Any = next((read[name] for name in names if name in read), [] if part == "val" else None)
        if not isinstance(listed, list) or (part != "val" and not listed):
            raise StudyRefused(f"{path}: {part!r} must be a list with at least one user; found {str(listed)[:60]}.")
        for user in map(str, listed):
            if user not in users:
                raise StudyRefused(f"{path}: {part!r} names user {user!r}, whom {history} does not know.")
            if user in place:
                raise StudyRefused(f"{path}: user {user!r} is in {place[user]!r} and in {part!r}; a user may be in one of them, once.")
            place[user] = part
        parts[part] = np.array(sorted(users[str(user)] for user in listed), np.int64)
    return Split(path.name, **parts)
