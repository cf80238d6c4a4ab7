"""Imports Feast without the run-time type checks of its own methods.

Feast decorates its classes with typeguard's `typechecked`, which finds, parses and compiles the source of every method anew at each import:
5 of the 8 CPU seconds that `import feast` takes. typeguard leaves the classes alone under `python -O`; this does the same for one import.
What Feast checks itself, and what our tests check of its answers, stays.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from typing import Any, TypeVar

Checked = TypeVar("Checked")


@contextlib.contextmanager
def unchecked() -> Iterator[None]:
    """Within the block `typeguard.typechecked` leaves what it decorates as it is; afterwards it is what it was."""
    try:
        typeguard: Any = importlib.import_module("typeguard")  # Feast's own requirement, not ours
    except ImportError:  # safe: a Feast that no longer needs it has nothing to leave out
        yield
        return
    kept = typeguard.typechecked
    typeguard.typechecked = _as_it_is
    try:
        yield
    finally:
        typeguard.typechecked = kept


def _as_it_is(target: Checked) -> Checked:
    return target
