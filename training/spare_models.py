"""Versions of a model that are wanted on this machine besides its champion: what an alias names, what an experiment's arm answers with.

`models/<name>/@<alias>` holds the label (`3-8f2c1a90`: version and run) of what MLflow called so when it was fetched, `models/<name>/HELD`
the labels that experiments need. Old versions are cleared away when another champion comes, but none of these.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

_HELD = "HELD"
_LABEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*-[A-Za-z0-9_.]{1,8}")
ALIAS = re.compile(r"@[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


def labels(root: Path) -> list[str]:
    """Labels of the versions that lie in a model's folder, by name.

    Args:
        root: `DATA_DIR/models/<name>`; it may not exist.
    """
    return sorted(path.name for path in root.glob("[!.]*-*") if path.is_dir() and _LABEL.fullmatch(path.name))


def of_version(root: Path, version: str) -> list[str]:
    """Labels of one version: more than one where a tracking database was made anew and counted from 1 again."""
    return [label for label in labels(root) if label == version or label.rpartition("-")[0] == version]


def name_alias(root: Path, alias: str, label: str) -> None:
    """Keep which version an alias names.

    Args:
        root: of the model.
        alias: with its `@`.
        label: of a version that lies there.
    """
    _replace(root / alias, label)


def aliased(root: Path, alias: str) -> str | None:
    """Label behind an alias, as it was fetched last; None where it never was."""
    if not ALIAS.fullmatch(alias):
        return None
    label = _read(root / alias)
    return label if _LABEL.fullmatch(label) else None


def hold(root: Path, wanted: Iterable[str]) -> None:
    """Say which versions experiments need from now on; those of before are let go."""
    told = json.dumps(sorted(set(wanted)))
    if told != (_read(root / _HELD) or "[]"):
        _replace(root / _HELD, told)


def wanted(root: Path) -> frozenset[str]:
    """Labels that must not be cleared away."""
    try:
        held = [str(one) for one in json.loads(_read(root / _HELD) or "[]")]
    except (ValueError, TypeError):
        held = []  # safe: whoever needs them says so again within a second
    return frozenset((*held, *(_read(path) for path in root.glob("@*"))))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}-{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
