"""The policy file in the data folder, replaced whole: who reads it sees the old one or the new one, never a part."""

from __future__ import annotations

import os
from pathlib import Path

from features.decisions.policy import FILE


def install_policy(text: str, data_dir: Path) -> Path:
    """Write the file aside and move it into place; returns its path.

    Args:
        text: of a policy file that was read and checked.
        data_dir: where it is to stand.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    target, aside = data_dir / FILE, data_dir / f".{FILE}-{os.getpid()}"
    try:
        with aside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
    return target
