"""`huitou report`: the page of any shop, from what is there."""

from __future__ import annotations

from pathlib import Path

from tests.huitou.conftest import Huitou


def test_an_untrained_shop_is_told_so_and_claims_nothing(huitou: Huitou, built_folder: Path, tmp_path: Path) -> None:
    ran = huitou("report", "--data-dir", built_folder, "--out", tmp_path / "page.html")
    assert ran.code == 0
    assert "Report of 0 models" in ran.out
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "huitou train items" in page
    for absent in ("Two answers of the API", "Where the time went", "MB at the peak"):
        assert absent not in page


def test_without_features_it_says_what_to_run(huitou: Huitou) -> None:
    ran = huitou("report")
    assert ran.code == 1
    assert "`huitou import" in ran.refusal
