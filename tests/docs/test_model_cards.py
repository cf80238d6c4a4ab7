"""Every model has a card, and every card says what a reader must know before relying on the model."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from training.pipeline import MODELS

ROOT = Path(__file__).parents[2]
CARDS = ROOT / "docs" / "model-cards"
SECTIONS = ("Data", "Use", "Not for", "How good, and against what", "Limits", "Groups", "When to retrain")


def test_every_model_has_a_card() -> None:
    assert {path.stem for path in CARDS.glob("*.md")} == {*MODELS, "uplift"}


@pytest.mark.parametrize("path", sorted(CARDS.glob("*.md")), ids=lambda path: path.stem)
def test_a_card_has_every_section_and_its_paths_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"^## (.*)$", text, flags=re.MULTILINE) == list(SECTIONS)
    named = re.findall(r"`((?:training|docs)/[\w/]+(?:\.py|/))`", text)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert links
    assert [link for link in links if not (path.parent / link).exists()] == []
