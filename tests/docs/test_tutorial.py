"""docs/tutorial.md is followed word for word: every command runs, every line it shows is printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(900)  # whole processes that build and train, on machines that may be busy
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
STEPS = re.findall(r"```sh\n(.*?)```(.*?)(?=```sh\n|\Z)", PAGE, flags=re.DOTALL)


def shown(text: str) -> list[str]:
    """Lines that the page says are printed."""
    return [line.strip() for block in re.findall(r"<!-- printed -->\n```\n(.*?)```", text, flags=re.DOTALL) for line in block.splitlines()]


def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    assert len(STEPS) == 7
    tools = tmp_path / "bin"
    tools.mkdir()
    command = tools / "huitou"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m huitou "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    # Not measured, as the other pages are not: tracing whole builds and trainings line by line doubles what they take.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE_", "COV_"))}
    environment = {**inherited, "PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
    checked = 0
    for commands, after in STEPS:
        done = subprocess.run(
            ["sh", "-ec", commands], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=600
        )
        assert done.returncode == 0, f"{commands}\n{done.stderr}"
        printed = {" ".join(line.split()) for line in done.stdout.splitlines()}
        for line in shown(after):
            assert " ".join(line.split()) in printed, f"{commands}\nprints no line {line!r}:\n{done.stdout}"
            checked += 1
    assert checked == 8
    for left in ("scores.csv", "audience.csv", "data/mapping.toml", "data/doctor.html", "data/assumptions.toml"):
        assert (tmp_path / left).is_file(), left
