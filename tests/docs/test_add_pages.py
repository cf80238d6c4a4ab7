"""Every "add a …" page is followed word for word in a copy of the tree: its files, its changes, its commands, and what they print."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.page import Step, printed, steps_of

pytestmark = pytest.mark.timeout(600)  # whole test processes, on machines that may be busy
ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("add-*.md"))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The checkout's own files, and nothing that was made beside them."""
    command = ["git", "ls-files", "-z", "-co", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, tmp_path / "tree" / name)
    return tmp_path / "tree"


@pytest.fixture
def environment(tree: Path) -> dict[str, str]:
    """The tools of this interpreter, and the copy's code before any installed one; not measured and not part of this test's own run."""
    tools = tree.parent / "bin"
    tools.mkdir()
    for name, module in {"python": "", "ruff": "-m ruff", "huitou": "-m huitou"}.items():
        (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n', encoding="utf-8")
        (tools / name).chmod(0o755)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE_", "COV_", "PYTEST_"))}
    path = os.pathsep.join([str(tools), str(Path(sys.executable).parent), inherited["PATH"]])
    return {**inherited, "PATH": path, "PYTHONPATH": str(tree), "LC_ALL": "C.UTF-8", "COLUMNS": "140"}


def test_all_five_pages_are_there() -> None:
    assert [page.stem.removeprefix("add-") for page in PAGES] == ["a-feature", "a-model", "a-source", "an-engine-or-store", "an-offer-type"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_page_does_what_it_says(page: Path, tree: Path, environment: dict[str, str]) -> None:
    steps = steps_of(page.read_text(encoding="utf-8"))
    assert all(step.file for step in steps if step.language in {"python", "diff"}), "a block does not say which file it is about"
    ran = 0
    for step in steps:
        if step.language in {"python", "diff"}:
            step.apply(tree)
        elif step.language == "console":
            ran += follow(step, tree, environment)
    assert ran >= 2


def follow(step: Step, tree: Path, environment: dict[str, str]) -> int:
    """Run the block's commands in the copy; each succeeds and prints the lines that are shown."""
    for command, shown in step.commands():
        done = subprocess.run(["sh", "-ec", command], cwd=tree, env=environment, capture_output=True, text=True, check=False, timeout=500)
        output = done.stdout + done.stderr
        assert done.returncode == 0, f"$ {command}\n{output}"
        for line in shown:
            assert printed(line, output), f"$ {command}\nprints no line {line!r}:\n{output}"
    return len(step.commands())
