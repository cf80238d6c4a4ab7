"""The commit of the running code, as git says it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import training.code_version
from training.code_version import git_commit


def test_the_commit_is_gits_own() -> None:
    root = Path(training.code_version.__file__).parents[1]
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        assert git_commit() == "unknown"
        return
    head = subprocess.run([git, "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    said = git_commit.__wrapped__()  # not what an earlier test kept
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?", said)
    assert said.removesuffix("-dirty") == head
    assert git_commit() == git_commit()


def test_outside_a_repository_it_is_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "training").mkdir()
    monkeypatch.setattr(training.code_version, "__file__", str(tmp_path / "training" / "code_version.py"))
    assert git_commit.__wrapped__() == "unknown"


def test_without_git_it_is_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_commit.__wrapped__() == "unknown"
