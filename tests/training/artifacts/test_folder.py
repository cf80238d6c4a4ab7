"""Artifacts on disk: what is written comes back, and nothing that does not agree is opened."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.artifacts.folder import MANIFEST, ArtifactBroken, Manifest, open_artifact, write_artifact

HASH = "0123456789abcdef"


def written(folder: Path) -> Path:
    manifest = Manifest(
        name="items",
        kind="als",
        feature_set_hash=HASH,
        data_from=datetime(2023, 1, 1, tzinfo=UTC),
        data_until=datetime(2023, 6, 1, tzinfo=UTC),
        input_hash="abc",
        settings={"factors": 4},
        metrics={"recall_20": 0.25},
    )
    arrays = {"ids": np.array(["p1", "商品"]), "factors": np.arange(8, dtype=np.float32).reshape(2, 4)}
    write_artifact(folder, manifest, texts={"note.json": '{"a": 1}'}, arrays={"factors.npz": arrays})
    return folder


def opened(folder: Path, **asked: Any) -> Any:
    return open_artifact(folder, **{"kind": "als", "feature_set_hash": HASH, **asked})


def edit_manifest(folder: Path, **changes: object) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, **changes}))


def refusal(folder: Path, **asked: Any) -> str:
    """The sentence with which opening is refused: one line, ended, naming where."""
    with pytest.raises(ArtifactBroken) as caught:
        opened(folder, **asked)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith((".", ")."))
    assert str(folder) in sentence
    return sentence


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    artifact = opened(written(tmp_path))
    assert artifact.manifest.settings == {"factors": 4}
    assert artifact.manifest.metrics == {"recall_20": 0.25}
    assert set(artifact.manifest.files) == {"note.json", "factors.npz"}
    assert artifact.json("note.json") == {"a": 1}
    arrays = artifact.arrays("factors.npz")
    assert arrays["ids"].tolist() == ["p1", "商品"]
    assert arrays["factors"].dtype == np.float32
    np.testing.assert_array_equal(arrays["factors"], np.arange(8).reshape(2, 4))


@pytest.mark.parametrize("name", ["note.json", "factors.npz"])
def test_a_changed_byte_is_noticed(tmp_path: Path, name: str) -> None:
    file = written(tmp_path) / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    assert name in refusal(tmp_path)


def test_a_missing_file_is_noticed(tmp_path: Path) -> None:
    (written(tmp_path) / "factors.npz").unlink()
    assert "factors.npz is missing" in refusal(tmp_path)


def test_another_kind_is_refused(tmp_path: Path) -> None:
    assert "holds a als model where a return_hazard model was expected" in refusal(written(tmp_path), kind="return_hazard")


def test_another_feature_set_is_refused_with_the_commands_to_run(tmp_path: Path) -> None:
    sentence = refusal(written(tmp_path), feature_set_hash="f" * 16)
    assert HASH in sentence
    assert "huitou build" in sentence
    assert "huitou train items" in sentence


def test_a_reader_without_features_asks_for_no_hash(tmp_path: Path) -> None:
    assert opened(written(tmp_path), feature_set_hash=None).manifest.feature_set_hash == HASH


def test_another_format_is_refused(tmp_path: Path) -> None:
    edit_manifest(written(tmp_path), format_version=99)
    assert "format 99" in refusal(tmp_path)


@pytest.mark.parametrize("content", ["", "{", '{"name": "items"}'])
def test_a_damaged_manifest_is_refused(tmp_path: Path, content: str) -> None:
    (written(tmp_path) / MANIFEST).write_text(content)
    assert "train the model again" in refusal(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    assert MANIFEST in refusal(tmp_path)


def test_object_arrays_are_neither_written_nor_read(tmp_path: Path) -> None:
    objects = np.array([{"any": "thing"}], dtype=object)
    with pytest.raises(ValueError, match="allow_pickle"):
        write_artifact(tmp_path / "a", opened(written(tmp_path)).manifest, arrays={"objects.npz": {"o": objects}})
    np.savez(tmp_path / "objects.npz", o=objects)
    with pytest.raises(ArtifactBroken, match=r"objects\.npz cannot be read"):
        opened(tmp_path).arrays("objects.npz")
