"""Experiments for tests, written shortly."""

from __future__ import annotations

from typing import Any

from features.decisions.experiment import Experiment

ARMS = [
    {"name": "price", "overrides": {"ranking": "price_first"}},
    {"name": "category", "overrides": {"ranking": "category_first"}},
]
TOLD: dict[str, Any] = {"experiment_id": "e1", "arms": ARMS, "starts_at": "2026-03-01T00:00:00Z", "size": 1000}


def experiment(**told: Any) -> Experiment:
    """An experiment with some fields of its own."""
    return Experiment.model_validate({**TOLD, **told}).sized()
