"""The small shop's policy: values are predicted responses and nobody is drawn for, so that what is offered does not depend on chance."""

from __future__ import annotations

from pathlib import Path

from features.decisions.policy import FILE

POLICY = """
name = "small"
[value]
uplift = false
[exploration]
share = 0
draws = 0
[holdouts]
universal = 0
model_control = 0
"""


def write_small_policy(data_dir: Path) -> None:
    """Into the data folder."""
    (data_dir / FILE).write_text(POLICY, encoding="utf-8")
