"""The assumptions file: what it says, and what is said when it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.assumptions import FILE, Assumptions, install_assumptions, load_assumptions
from features.errors import SourceUnreadable
from features.sources.complete_journey import ASSUMPTIONS as SHIPPED
from tests.shop import ASSUMPTIONS


def load(folder: Path, text: str) -> Assumptions:
    (folder / FILE).write_text(text, encoding="utf-8")
    return load_assumptions(folder / FILE)


def test_margins_and_costs_fall_back_to_the_default(tmp_path: Path) -> None:
    assumptions = load(tmp_path, ASSUMPTIONS)
    assert [assumptions.margin_rate(d) for d in ("FOOD", "OTHER", None)] == [0.4, 0.25, 0.25]
    assert [assumptions.contact_cost(c) for c in ("mail", "pigeon", None)] == [0.5, 0.05, 0.05]


def test_the_version_changes_with_any_value(tmp_path: Path) -> None:
    version = load(tmp_path, ASSUMPTIONS).version
    assert version.startswith("sample@")
    assert load(tmp_path, ASSUMPTIONS + "\n# a comment\n").version == version
    assert load(tmp_path, ASSUMPTIONS.replace("FOOD = 0.4", "FOOD = 0.41")).version != version


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (ASSUMPTIONS.replace("default = 0.25", "default = 1.25"), r"field margins\.default"),
        (ASSUMPTIONS.replace("coupon_value = 1.0", ""), r"field offers\.coupon_value"),
        (ASSUMPTIONS.replace('stock = "unlimited"', 'stock = "plenty"'), r"field catalogue\.stock"),
        (ASSUMPTIONS.replace("coupon_value", "coupon_valeu"), r"field offers\.coupon_value"),
        (ASSUMPTIONS + "surprise = 1\n", r"field consent\.surprise"),
        ("name = ", "not valid TOML"),
    ],
)
def test_a_wrong_file_names_the_field(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(SourceUnreadable, match=f"{FILE}.*{sentence}"):
        load(tmp_path, text)


def test_a_missing_file_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="huitou import"):
        load_assumptions(tmp_path / FILE)


def test_the_shipped_file_is_valid_and_an_edited_copy_is_kept(tmp_path: Path) -> None:
    target = install_assumptions(SHIPPED, tmp_path / "new")
    assert load_assumptions(target).currency == "USD"
    target.write_text(ASSUMPTIONS, encoding="utf-8")
    assert install_assumptions(SHIPPED, tmp_path / "new") == target
    assert load_assumptions(target).name == "sample"
