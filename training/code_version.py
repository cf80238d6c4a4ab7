"""Which commit of the code is running."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path


@cache
def git_commit() -> str:
    """Commit of the checkout this package runs from, with `-dirty` after local changes; "unknown" outside a repository."""
    git = shutil.which("git")
    root = Path(__file__).resolve().parent.parent
    if git is None or not (root / ".git").exists():
        return "unknown"
    command = [git, "-C", str(root), "describe", "--always", "--abbrev=40", "--dirty", "--match="]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)  # noqa: S603 - fixed arguments
    return done.stdout.strip() or "unknown"
