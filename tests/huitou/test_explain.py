"""`huitou explain` as a shell sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len

from huitou.explanation.explanation import Explanation
from serving.api.next_best_offers_schemas import MAX_OFFERS
from serving.churn_scores import LONGEST_HORIZON_DAYS
from serving.live_models import OPTIONAL
from tests.huitou.conftest import Huitou
from tests.serving.small_shop import LEAVING, write_small_shop
from tests.shop import EDGE
from training.pipeline import MODELS


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explain") / "data"
    write_small_shop(folder)
    return folder


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")


def test_it_prints_the_whole_page(huitou: Huitou, shop: Path) -> None:
    ran = huitou("explain", "c000", "--data-dir", shop, "--channel", "email", "--limit", 3)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("Customer c000  ")
    for title in ("Portrait", "Will they stay away?", "What will they need next?", "What is worth sending?", "What this rests on"):
        assert f"\n{title} " in ran.out
    assert not any(line.endswith(" ") for line in ran.out.splitlines())


@pytest.mark.parametrize("name", ["LC_ALL", "LC_MESSAGES", "LANG"])
def test_the_locale_chooses_the_language(huitou: Huitou, shop: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "zh_CN.UTF-8")
    assert huitou("explain", "c000", "--data-dir", shop).out.startswith("顾客 c000")
    assert huitou("explain", "c000", "--data-dir", shop, "--language", "en").out.startswith("Customer c000")


@pytest.mark.parametrize(("columns", "options", "widest"), [("64", [], 64), ("250", [], 120), ("80", ["--width", 100], 100)])
def test_the_width_is_the_terminal_s_up_to_a_limit(huitou: Huitou, shop: Path, columns: str, options: list[object], widest: int) -> None:
    with pytest.MonkeyPatch.context() as terminal:
        terminal.setenv("COLUMNS", columns)
        ran = huitou("explain", "c000", "--data-dir", shop, "--language", "zh", *options)
    assert max(cell_len(line) for line in ran.out.splitlines()) == widest


def test_json_is_the_explanation(huitou: Huitou, shop: Path) -> None:
    ran = huitou("explain", LEAVING, "--data-dir", shop, "--json", "--horizon", 30)
    told = Explanation.model_validate_json(ran.out)
    assert (ran.code, ran.err, told.customer_id, len(told.churn.survival)) == (0, "", LEAVING, 31)
    assert json.loads(ran.out)["format_version"] == 1


def test_somebody_unknown_is_refused_with_close_ids(huitou: Huitou, shop: Path) -> None:
    ran = huitou("explain", "c00O", "--data-dir", shop)
    assert ran.code == 1
    assert ran.refusal.startswith("huitou: Nothing is known of the customer 'c00O'. Did you mean 'c00")
    assert ran.refusal.count("c0") == 4
    assert "`huitou score` lists every customer." in ran.refusal
    assert "Did you mean" not in huitou("explain", "somebody", "--data-dir", shop).refusal


@pytest.mark.parametrize(
    "arguments",
    [
        ["--channel", "E mail"],
        ["--horizon", 6],
        ["--horizon", LONGEST_HORIZON_DAYS + 1],
        ["--limit", 0],
        ["--limit", MAX_OFFERS + 1],
        ["--language", "de"],
        ["--width", 39],
        ["--now", "yesterday"],
    ],
)
def test_wrong_usage_is_two(huitou: Huitou, shop: Path, arguments: list[object]) -> None:
    ran = huitou("explain", "c000", "--data-dir", shop, *arguments)
    assert ran.code == 2
    assert "Traceback" not in ran.err


def test_the_bounds_are_serving_s(huitou: Huitou, shop: Path) -> None:
    assert huitou("explain", "c000", "--data-dir", shop, "--horizon", LONGEST_HORIZON_DAYS, "--limit", MAX_OFFERS).code == 0


def test_what_was_never_built_is_refused(huitou: Huitou) -> None:
    assert huitou("explain", "c000").refusal.endswith("run `huitou build` first.")


def test_a_later_clock_says_how_old_everything_is(huitou: Huitou, shop: Path) -> None:
    ran = huitou("explain", "c000", "--data-dir", shop, "--now", "2024-07-30T12:00:00Z")
    assert "as of 2024-06-30, 30.0 days old by the clock (2024-07-30)" in ran.out
    assert "Degraded: The features are 30 days old; run `huitou build`." in ran.out


def test_a_real_build_without_models_is_explained_as_far_as_it_goes(huitou: Huitou, built_folder: Path) -> None:
    ran = huitou("explain", EDGE, "--data-dir", built_folder)
    assert ran.code == 0
    assert ran.out.startswith(f"Customer {EDGE}")
    assert ran.out.count("was never trained here; run `huitou train") == len(set(MODELS) - OPTIONAL)
    assert "orders  " in ran.out


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_output_without_unicode_gets_plain_english(shop: Path, language: str) -> None:
    command = [sys.executable, "-m", "huitou", "explain", "c000", "--data-dir", str(shop), "--language", language]
    done = subprocess.run(command, capture_output=True, check=False, env={**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "80"})
    text = done.stdout.decode("ascii")
    assert done.returncode == 0
    assert text.startswith("Customer c000")
    assert "  100% |*" in text
    assert (b"The output's encoding, ascii, has no Chinese" in done.stderr) is (language == "zh")
