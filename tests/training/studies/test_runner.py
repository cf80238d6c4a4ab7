"""The frame of studies: real children, their costs, their reasons, and nothing lost on the way."""

from __future__ import annotations

import json

import pytest

from tests.training.studies.guessing_study import GuessingStudy
from training.studies.child import peak_mb
from training.studies.runner import run_study
from training.studies.study import StudyRefused, Table


class Listener:
    def __init__(self) -> None:
        self.heard: list[str] = []

    def begin(self, part: str) -> None:
        self.heard.append(f"begin {part}")

    def tell(self, text: str) -> None:
        self.heard.append(text)

    def end(self) -> None:
        self.heard.append("end")


def run(**given: object) -> tuple[Table, list[str]]:
    listener = Listener()
    options = {"seed": 1, "threads": 1, "budget_s": 0.0, **given}
    return run_study(options.pop("study", GuessingStudy()), listener, **options), listener.heard  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def shipped() -> tuple[Table, list[str]]:
    return run()


def test_the_table_has_a_row_for_everybody_with_figures_or_a_reason(shipped: tuple[Table, list[str]]) -> None:
    guess, silent, broken = shipped[0].rows
    assert guess.metrics == {"mae": 0.5}
    assert guess.interval["mae"] == pytest.approx((0.4, 0.6))
    assert guess.settings == {"by": 0.5}
    assert silent.reason == "there are more than 20,000 items"
    assert broken.reason == "failed: ZeroDivisionError: one over nothing"
    assert silent.metrics == broken.metrics == {}
    assert shipped[0].headline == ["mae"]  # a headline nobody has is no column


def test_a_row_pays_for_itself_alone(shipped: tuple[Table, list[str]]) -> None:
    guess = shipped[0].rows[0]
    ballast = bytearray(400_000_000)  # this process grows; a child started from it must not be charged
    ballast[::4096] = b"x" * len(ballast[::4096])
    again = run(only=("silent",))[0].rows
    assert 240 < guess.peak_mb < 700
    assert again[1].peak_mb < guess.peak_mb - 150
    assert again[1].peak_mb < peak_mb() - 250
    assert guess.fit_s > 0
    assert guess.tune_s == 0
    del ballast


def test_progress_is_told_in_order_and_libraries_may_print(shipped: tuple[Table, list[str]]) -> None:
    heard = shipped[1]
    begun = [line for line in heard if line.startswith("begin ")]
    assert begun == [f"begin {part}" for part in ("reading the data", "guess", "silent", "broken", "judging")]
    assert heard.index("fitting") < heard.index("predicting") < heard.index("begin silent")
    assert "drawing numbers" in heard


def test_a_budget_tunes_and_fixed_settings_win_over_it() -> None:
    tuned = run(budget_s=20.0, only=("guess",))[0].rows[0]
    assert tuned.metrics["mae"] < 0.2
    assert tuned.tune_s > 0
    fixed = run(budget_s=20.0, only=("guess",), fixed={"guess": {"by": 1.0}})[0].rows[0]
    assert fixed.metrics["mae"] == 0
    assert fixed.tune_s == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"fixed": {"guess": {"buy": 1.0}}}, "no setting buy here; there are: by"),
        ({"fixed": {"guess": {"by": "much"}}}, "--settings: by: "),
        ({"fixed": {"gues": {}}}, "did you mean 'guess'"),
        ({"only": ("nobody",)}, "no model 'nobody'"),
        ({"study": GuessingStudy(size=0)}, "numbers.txt is empty"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_remedy(given: dict[str, object], said: str) -> None:
    with pytest.raises(StudyRefused, match=said):
        run(**given)


def test_the_json_has_the_promised_form(shipped: tuple[Table, list[str]]) -> None:
    read = json.loads(shipped[0].model_dump_json())
    assert {"dataset", "protocol", "rows"} <= set(read)
    assert all({"model", "metrics", "interval", "fit_s", "predict_s", "peak_mb"} <= set(row) for row in read["rows"])
