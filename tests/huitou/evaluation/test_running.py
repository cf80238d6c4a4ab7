"""`huitou evaluate`: what is printed, what is written, and what a wrong option is told."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from rich.console import Console

from features.errors import HuitouError
from huitou.evaluation import options as opts
from huitou.evaluation.lines import table_parts
from huitou.evaluation.options import StudyOptions
from huitou.evaluation.page import write_page
from huitou.evaluation.running import run
from tests.training.studies.guessing_study import GuessingStudy
from training.recipe import Curve
from training.studies.study import Row, Table


@pytest.fixture
def table() -> Table:
    return Table(
        study="items",
        dataset="pairs <b>.txt",
        protocol="Rank everything. " * 20,
        facts={"customers": 12345},
        own="tuned ALS",
        headline=["ndcg_10"],
        seed=1,
        rows=[
            Row(model="popularity", metrics={"ndcg_10": 0.1, "hit_10": 0.2}, difference={"ndcg_10": (0.05, 0.15)}),
            Row(model="EASE", reason="[red] more than 20,000 items"),
            Row(model="tuned ALS", metrics={"ndcg_10": 0.25}, interval={"ndcg_10": (0.2, 0.3)}, settings={"factors": 64}),
        ],
        curves=[Curve(plot="Gain", label="tuned ALS", x_label="share", y_label="found", x=[0.0, 1.0], y=[0.0, 1.0])],
        notes=["3 users are unknown"],
    )


@pytest.mark.parametrize("width", [80, 140])
def test_the_terminal_shows_rows_intervals_reasons_settings_and_notes(table: Table, width: int) -> None:
    console = Console(width=width, soft_wrap=True, highlight=False)
    with console.capture() as captured:
        for part in table_parts(table):
            console.print(part)
    text = captured.get()
    for said in (
        "12,345",
        "0.2500",
        "EASE: no figures. [red] more than 20,000 items",
        "tuned ALS − popularity: ndcg_10 +0.0500 to +0.1500",
        '{"factors": 64}',
        "3 users are unknown",
    ):
        assert said in text
    assert re.search(r"0\.2000–\s+0\.3000", text)


def test_the_page_needs_nothing_else_and_shows_everything(table: Table, tmp_path: Path) -> None:
    write_page(table, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "pairs &lt;b&gt;.txt" in text
    assert text.count("<svg") == 1
    assert "more than 20,000 items" in text
    assert "hit_10" in text  # among all metrics
    assert "+0.0500 to +0.1500" in text
    assert not re.search(r"<(script|link)|src=", text)


def test_a_run_prints_writes_and_says_that_a_row_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = StudyOptions(json=tmp_path / "deep" / "t.json", html=tmp_path / "t.html", budget="0", threads=1)
    with pytest.raises(typer.Exit) as left:
        run(GuessingStudy(), options)
    assert left.value.exit_code == 1
    said = capsys.readouterr()
    assert "broken: no figures. failed: ZeroDivisionError" in said.out
    assert "broken failed" in said.err
    assert json.loads((tmp_path / "deep" / "t.json").read_text(encoding="utf-8"))["rows"][0]["metrics"] == {"mae": 0.5}
    fixed = opts.fixed_settings(tmp_path / "deep" / "t.json")
    assert fixed == {"guess": {"by": 0.5}}


def test_times_horizons_and_dates_are_read() -> None:
    assert [opts.seconds(t) for t in ("90s", "5m", "1h", "0", "1.5m")] == [90, 300, 3600, 0, 90]
    assert opts.horizons("56d, 28") == (28, 56)
    assert [d.isoformat() for d in opts.dates("2017-10-29,2017-10-01", "--as-of")] == [
        "2017-10-01T00:00:00+00:00",
        "2017-10-29T00:00:00+00:00",
    ]
    for refused in (
        lambda: opts.seconds("soon"),
        lambda: opts.horizons("0d"),
        lambda: opts.horizons("28w"),
        lambda: opts.dates("", "--as-of"),
    ):
        with pytest.raises(typer.BadParameter):
            refused()


def test_settings_of_another_form_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    for text in ("{", "[1]", '{"a": 1}'):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(HuitouError, match="--settings"):
            opts.fixed_settings(path)


@pytest.mark.parametrize("option", ["json", "html"])
def test_a_place_that_cannot_be_written_is_refused_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(HuitouError, match=rf"--{option} .* is a folder; name a file in it"):
        run(GuessingStudy(), StudyOptions(**{option: tmp_path}))  # type: ignore[arg-type]
    with pytest.raises(HuitouError, match=rf"--{option} .*table: its folder cannot be made"):
        run(GuessingStudy(), StudyOptions(**{option: tmp_path / "file" / "table"}))  # type: ignore[arg-type]
    assert "reading the data" not in capsys.readouterr().err


def test_a_termination_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    lines = [f"u{n % 40} i{n % 7 + n // 40}" for n in range(400)]
    (tmp_path / "train.txt").write_text("\n".join(dict.fromkeys(lines)), encoding="utf-8")
    (tmp_path / "test.txt").write_text("u1 i40\nu2 i41\n", encoding="utf-8")
    command = [sys.executable, "-m", "huitou", "evaluate", "items", "--train", "train.txt", "--test", "test.txt", "--budget", "10m"]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        while not list(tmp_path.glob("huitou-items-*/answer-1.err")):  # the second row is at work
            assert running.poll() is None, running.stderr.read()
        running.terminate()
        assert running.wait(timeout=60) == 128 + signal.SIGTERM
    assert list(tmp_path.glob("huitou-items-*")) == []
