"""Arrays of an artifact as files that are mapped, not read: processes have them in memory once, and only what they touch.

An `.npz` is packed and cannot be mapped. It is unpacked once into a folder beside it, with what is worked out of it, written aside and
renamed; hashes say whether it is whole and of this artifact. Where nothing can be written the arrays are this process's own.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.artifacts.folder import ArtifactFolder, file_hash

_ASIDE, _ABANDONED_SECONDS = ".mapping-", 3600.0
_FOLDER, _NOTE, _FORMAT = ".mapped", "mapped.json", 1
Arrays = dict[str, NDArray[Any]]


def mapped(artifact: ArtifactFolder, name: str, work_out: Callable[[Arrays], Mapping[str, NDArray[Any]]]) -> Arrays:
    """Arrays of an `.npz` and what follows from them.

    Args:
        artifact: checked.
        name: of the file.
        work_out: makes more arrays of those; they may rest on anything that the artifact's files say, and on nothing else.

    Returns:
        Name → array; read only where mapped.

    Raises:
        ArtifactBroken: the file cannot be read.
    """
    folder, made_of = artifact.path / _FOLDER, {"format": _FORMAT, "name": name, "files": artifact.manifest.files}
    if (found := _opened(folder, made_of)) is not None:
        return found
    arrays = artifact.arrays(name)
    arrays |= work_out(arrays)
    try:
        _write(folder, made_of, arrays)
    except OSError:
        return arrays  # safe: no room, or nothing may be written here; it only takes more memory
    return _opened(folder, made_of) or arrays


def _opened(folder: Path, made_of: Mapping[str, Any]) -> Arrays | None:
    try:
        note = json.loads((folder / _NOTE).read_text(encoding="utf-8"))
        if note["of"] != made_of or any(file_hash(folder / f"{key}.npy") != told for key, told in note["hashes"].items()):
            return None
        return {key: np.load(folder / f"{key}.npy", mmap_mode="r", allow_pickle=False) for key in note["hashes"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # not there, or damaged: it is made anew


def _write(folder: Path, made_of: Mapping[str, Any], arrays: Arrays) -> None:
    for left in folder.parent.glob(f"{_ASIDE}*"):
        if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS:  # a killed process cannot clear up behind itself
            shutil.rmtree(left, ignore_errors=True)
    aside = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=folder.parent))
    try:
        for key, array in arrays.items():
            np.save(aside / f"{key}.npy", np.ascontiguousarray(array), allow_pickle=False)
        note = {"of": made_of, "hashes": {key: file_hash(aside / f"{key}.npy") for key in arrays}}
        (aside / _NOTE).write_text(json.dumps(note), encoding="utf-8")
        aside.chmod(0o755)
        with contextlib.suppress(FileNotFoundError):
            folder.rename(aside / "before")  # damaged, or of another format
        with contextlib.suppress(OSError):  # safe: another process was quicker, and its folder is as good
            aside.rename(folder)
            shutil.rmtree(folder / "before", ignore_errors=True)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
