"""The small shop with keys: one for each scope, and one without a rate left."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path

from serving.access.key_file import change_keys
from serving.access.keys import new_key
from serving.access.scopes import Scope

MADE = datetime(2026, 1, 2, tzinfo=UTC)


def add_key(folder: Path, name: str, *scopes: Scope, per_second: float = 0, burst: int = 1) -> str:
    """Make a key; returns its secret."""
    key, plain = new_key(name, frozenset(scopes), per_second=per_second, burst=burst, now=MADE)
    change_keys(folder, lambda before: (*before, key))
    return plain


def add_keys(folder: Path) -> dict[Scope, str]:
    """A key for each scope, named after it."""
    return {scope: add_key(folder, scope.value, scope) for scope in Scope}


def bearer(key: str) -> dict[str, str]:
    """The header that sends a key."""
    return {"authorization": f"Bearer {key}"}


def basic(key: str) -> dict[str, str]:
    """The same as Segment's libraries send it."""
    return {"authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}
