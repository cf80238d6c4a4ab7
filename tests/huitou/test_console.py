"""What a command shows while it works."""

from __future__ import annotations

import pytest

from huitou.console import errors, output, steps


def test_results_and_progress_go_separate_ways(capsys: pytest.CaptureFixture[str]) -> None:
    output().print("a result")
    errors().print("a remark")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("a result\n", "a remark\n")


def test_long_lines_are_not_broken(capsys: pytest.CaptureFixture[str]) -> None:
    output().print("x" * 500)
    assert capsys.readouterr().out == "x" * 500 + "\n"


def test_every_finished_step_is_a_line_with_its_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    with steps(2) as progress:
        with progress.step("import"):
            progress.tell("reading")
        with progress.step("build"):
            pass
    said = capsys.readouterr()
    assert said.out == ""
    assert [line.split(":")[0].strip() for line in said.err.splitlines()] == ["import", "build"]
    assert [step.name for step in progress.done] == ["import", "build"]
    assert all(step.seconds >= 0 for step in progress.done)


def test_a_failed_step_is_not_done(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="no"), steps(1) as progress, progress.step("build"):
        raise ValueError("no")
    assert progress.done == []
    assert "build:" not in capsys.readouterr().err
