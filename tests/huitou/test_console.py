"""What a command shows while it works."""

from __future__ import annotations

import pytest

from huitou.console import errors, fitted, output, page_console, steps


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


def test_a_long_step_says_what_it_is_at_where_no_bar_is_shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("huitou.console.time.perf_counter", lambda: now)
    with steps(1) as progress, progress.step("simulator"):
        for now, part in ((110.0, "importing"), (131.0, "week 1"), (140.0, "week 2"), (162.0, "week 3")):  # noqa: B007 - the clock reads it
            progress.tell(part)
    assert capsys.readouterr().err.splitlines() == ["  simulator: week 1", "  simulator: week 3", "  simulator: 62.0 s"]


def test_a_failed_step_is_not_done(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="no"), steps(1) as progress, progress.step("build"):
        raise ValueError("no")
    assert progress.done == []
    assert "build:" not in capsys.readouterr().err


def test_a_page_is_as_wide_as_the_terminal_but_not_too_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    widths = []
    for columns in ("70", "300"):
        monkeypatch.setenv("COLUMNS", columns)
        widths += [page_console().width, page_console(200).width]
    assert widths == [70, 200, 120, 200]


@pytest.mark.parametrize(
    ("text", "encoding", "shown"),
    [("7 ± 2 牛奶", "utf-8", "7 ± 2 牛奶"), ("7 ± 2", "ascii", "7 +/- 2"), ("牛奶 tea", "ascii", "?? tea"), ("牛奶", "gbk", "牛奶")],
)
def test_what_an_encoding_lacks_is_replaced(text: str, encoding: str, shown: str) -> None:
    assert fitted(text, encoding) == shown
