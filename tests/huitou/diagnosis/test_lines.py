from __future__ import annotations

import io

from rich.console import Console

from features.history.examination import examine
from huitou.diagnosis.diagnosis import Diagnosis
from huitou.diagnosis.lines import diagnosis_lines
from tests.conftest import SampleBuild
from training.allowances.allowance import Allowance


def test_what_wants_a_look_comes_first_and_brackets_are_no_markup(sample_build: SampleBuild) -> None:
    refused = Allowance(model="items", allowed=False, reason="Bought [bold]nothing[/].", more_weeks=1)
    diagnosis = Diagnosis.of(examine(sample_build.warehouse), [refused])
    assert diagnosis.counted()["note"] > 0
    told = io.StringIO()
    console = Console(file=told, width=200, highlight=False, soft_wrap=True)
    for line in diagnosis_lines(diagnosis):
        console.print(line)
    text = told.getvalue()
    first, rest = text.split("What the history allows")
    assert "items" in rest.split("Found good")[0]
    assert "Bought [bold]nothing[/]. Needs 1 week more." in rest
    worth = [f.sentence for f in diagnosis.findings if f.severity != "ok" and f.about != "models"]
    good = [f.sentence for f in diagnosis.findings if f.severity == "ok"]
    assert all(sentence in first for sentence in worth)
    assert all(sentence in rest.split("Found good")[1] for sentence in good)
    assert text.rstrip().endswith("No model can be trained on this history yet.")
