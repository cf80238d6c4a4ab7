"""The form of every artifact on disk: a manifest, LightGBM text, `.npz` arrays and JSON. Never pickle.

The manifest carries a SHA-256 of every file and the hash of the feature set; opening refuses what does not agree.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from features.errors import HuitouError

FORMAT_VERSION = 1
MANIFEST = "manifest.json"


class ArtifactBroken(HuitouError):
    """An artifact is missing, damaged, of another format or made for other features."""


class Manifest(BaseModel):
    """What an artifact is, what it was made from, and how to know that it is whole.

    Attributes:
        name: registered model name: `return_hazard`, `value`, `repurchase`, `items` or `bundles`.
        kind: which class reads it.
        feature_set_hash: hash of the ordered inputs (`features.feature_sets`), or "" when the model reads ids only.
        data_from: first event seen, UTC.
        data_until: last moment any label or feature of the fit looked at, UTC.
        input_hash: content hash of the warehouse the model was fitted on.
        git_commit: commit of the code, or "unknown" outside a repository.
        settings: the fit's configuration.
        metrics: measured on data the evaluated fit did not see (of the evaluation run, also in the refitted artifact).
        files: file name → SHA-256.
    """

    model_config = ConfigDict(frozen=True)

    format_version: int = FORMAT_VERSION
    name: str
    kind: str
    feature_set_hash: str = ""
    data_from: datetime
    data_until: datetime
    input_hash: str
    git_commit: str = "unknown"
    settings: dict[str, Any] = {}
    metrics: dict[str, float] = {}
    files: dict[str, str] = {}


@dataclass(frozen=True)
class ArtifactFolder:
    """A checked artifact: its manifest and its files."""

    path: Path
    manifest: Manifest

    def text(self, name: str) -> str:
        """Content of a text file, e.g. a LightGBM model."""
        return (self.path / name).read_text(encoding="utf-8")

    def json(self, name: str) -> Any:  # noqa: ANN401 - the reader validates it with its own model
        """Content of a JSON file."""
        return json.loads(self.text(name))

    def arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """Arrays of an `.npz` file; object arrays (pickle) are refused."""
        try:
            with np.load(self.path / name, allow_pickle=False) as file:
                return {key: file[key] for key in file.files}
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise ArtifactBroken(f"{self.path / name} cannot be read as arrays ({error}); train the model again.") from error


def write_artifact(
    path: Path,
    manifest: Manifest,
    *,
    texts: Mapping[str, str] | None = None,
    arrays: Mapping[str, Mapping[str, NDArray[Any]]] | None = None,
) -> Manifest:
    """Write an artifact's files and, last, its manifest with their hashes.

    Args:
        path: an empty or new folder.
        manifest: everything but `files`.
        texts: file name → text (LightGBM models as `*.txt`, JSON as `*.json`).
        arrays: file name (`*.npz`) → array name → array; string ids are fixed-width unicode arrays.

    Returns:
        The manifest as written.
    """
    path.mkdir(parents=True, exist_ok=True)
    for name, text in (texts or {}).items():
        (path / name).write_text(text, encoding="utf-8")
    for name, columns in (arrays or {}).items():
        np.savez_compressed(path / name, allow_pickle=False, **columns)
    names = [*(texts or {}), *(arrays or {})]
    written = manifest.model_copy(update={"files": {name: file_hash(path / name) for name in names}})
    (path / MANIFEST).write_text(written.model_dump_json(indent=2), encoding="utf-8")
    return written


def open_artifact(path: Path, *, kind: str, feature_set_hash: str | None = None) -> ArtifactFolder:
    """Check an artifact and open it.

    Args:
        path: folder that `write_artifact` wrote.
        kind: the kind the caller can read.
        feature_set_hash: hash of the features the caller will supply, or None when the model reads ids only.

    Raises:
        ArtifactBroken: names the file and what does not agree.
    """
    try:
        manifest = Manifest.model_validate_json((path / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValidationError) as error:
        raise ArtifactBroken(f"{path / MANIFEST} is missing or damaged; train the model again ({type(error).__name__}).") from error
    if manifest.format_version != FORMAT_VERSION:
        raise ArtifactBroken(f"{path} has format {manifest.format_version}, this huitou reads {FORMAT_VERSION}; train the model again.")
    if manifest.kind != kind:
        raise ArtifactBroken(f"{path} holds a {manifest.kind} model where a {kind} model was expected.")
    if feature_set_hash is not None and manifest.feature_set_hash != feature_set_hash:
        raise ArtifactBroken(
            f"{path} was trained on feature set {manifest.feature_set_hash}, the features here are {feature_set_hash}; "
            f"run `huitou build` and `huitou train {manifest.name}` again."
        )
    for name, expected in manifest.files.items():
        file = path / name
        if not file.is_file():
            raise ArtifactBroken(f"{file} is missing; train the model again.")
        if file_hash(file) != expected:
            raise ArtifactBroken(f"{file} was changed or damaged after training (SHA-256 differs); train the model again.")
    return ArtifactFolder(path, manifest)


def file_hash(path: Path) -> str:
    """SHA-256 of a file's content, hexadecimal.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
