"""`huitou fetch`: what is asked for wrongly, and what is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.huitou.conftest import Huitou


@pytest.mark.parametrize(
    "arguments",
    [("repurchase",), ("weather", "--version", "1"), ("--alias", "challenger"), ("repurchase", "--alias", "a", "--version", "1")],
)
def test_one_version_is_a_model_with_an_alias_or_a_number(huitou: Huitou, arguments: tuple[str, ...]) -> None:
    ran = huitou("fetch", *arguments)
    assert ran.code == 2
    assert "either --alias or --version" in " ".join(ran.err.split())


def test_without_a_registry_it_says_so(huitou: Huitou, tmp_path: Path) -> None:
    ran = huitou("fetch", "repurchase", "--alias", "challenger", "--data-dir", tmp_path)
    assert ran.code == 1
    assert "no tracking database" in ran.refusal
