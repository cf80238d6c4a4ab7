"""Finds a study's contenders by the name of their module, so that a child process loads only its own study's libraries."""

from __future__ import annotations

import importlib

from training.studies.study import Contender


def contenders(module: str) -> dict[str, Contender]:
    """Name → contender of a module's `CONTENDERS`, in the order of the table."""
    return {contender.name: contender for contender in importlib.import_module(module).CONTENDERS}
