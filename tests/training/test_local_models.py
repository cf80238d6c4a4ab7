"""The local cache: installing, promoting, returning, and refusing what is damaged."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from features.errors import OutOfSpace, StateMissing
from training.artifacts.folder import MANIFEST, ArtifactBroken, Manifest, write_artifact
from training.local_models import VersionRef, champion, install, model_folder, names, promote, rollback

AT = datetime(2017, 12, 31, tzinfo=UTC)


def artifact(folder: Path, name: str = "items", seed: int = 0) -> Path:
    manifest = Manifest(
        name=name, kind="rates", data_from=datetime(2017, 1, 1, tzinfo=UTC), data_until=AT, input_hash="abc", settings={"seed": seed}
    )
    rates = np.random.default_rng(seed).random(5)
    write_artifact(folder, manifest, texts={"note.json": "{}"}, arrays={"rates.npz": {"rates": rates}})
    return folder


def version(number: int) -> VersionRef:
    return VersionRef(version=str(number), run_id=f"{number:032d}"[::-1])


def installed(data_dir: Path, number: int, source: Path) -> VersionRef:
    install(data_dir, "items", version(number), artifact(source / f"source-{number}", seed=number))
    return version(number)


def test_an_installed_version_serves_only_after_promotion(tmp_path: Path) -> None:
    ref = installed(tmp_path, 1, tmp_path)
    assert champion(tmp_path, "items") is None
    assert names(tmp_path) == []
    promote(tmp_path, "items", ref, promoted_at=AT)
    found = champion(tmp_path, "items")
    assert found is not None
    assert (found.ref, found.promoted_at, found.previous) == (ref, AT, None)
    assert names(tmp_path) == ["items"]


def test_rollback_returns_to_the_previous_champion_and_back(tmp_path: Path) -> None:
    first, second = installed(tmp_path, 1, tmp_path), installed(tmp_path, 2, tmp_path)
    promote(tmp_path, "items", first, promoted_at=AT)
    promote(tmp_path, "items", second, promoted_at=AT)
    back = rollback(tmp_path, "items", promoted_at=AT)
    assert (back.ref, back.previous, back.withdrawn) == (first, second, second)
    assert champion(tmp_path, "items") == back
    again = rollback(tmp_path, "items", promoted_at=AT)
    assert (again.ref, again.previous) == (second, first)


def test_promoting_the_champion_again_keeps_its_predecessor(tmp_path: Path) -> None:
    first, second = installed(tmp_path, 1, tmp_path), installed(tmp_path, 2, tmp_path)
    for ref in (first, second, second):
        promote(tmp_path, "items", ref, promoted_at=AT)
    assert rollback(tmp_path, "items", promoted_at=AT).ref == first


def test_rollback_without_a_predecessor_says_so(tmp_path: Path) -> None:
    promote(tmp_path, "items", installed(tmp_path, 1, tmp_path), promoted_at=AT)
    with pytest.raises(StateMissing, match="no earlier version of items"):
        rollback(tmp_path, "items", promoted_at=AT)


def test_rollback_to_a_damaged_model_leaves_the_champion(tmp_path: Path) -> None:
    first, second = installed(tmp_path, 1, tmp_path), installed(tmp_path, 2, tmp_path)
    promote(tmp_path, "items", first, promoted_at=AT)
    promote(tmp_path, "items", second, promoted_at=AT)
    (model_folder(tmp_path, "items", first) / "rates.npz").write_bytes(b"half")
    with pytest.raises(ArtifactBroken, match="SHA-256"):
        rollback(tmp_path, "items", promoted_at=AT)
    found = champion(tmp_path, "items")
    assert found is not None
    assert found.ref == second


@pytest.mark.parametrize("content", ["", "{", '{"name": "items"}', "\x00\x01"])
def test_a_broken_pointer_names_the_file_and_the_remedy(tmp_path: Path, content: str) -> None:
    promote(tmp_path, "items", installed(tmp_path, 1, tmp_path), promoted_at=AT)
    (tmp_path / "models" / "items" / "CHAMPION").write_text(content)
    with pytest.raises(ArtifactBroken, match=r"CHAMPION.*huitou train items"):
        champion(tmp_path, "items")


def test_a_pointer_to_a_lost_model_is_broken_and_promotion_heals_it(tmp_path: Path) -> None:
    first = installed(tmp_path, 1, tmp_path)
    promote(tmp_path, "items", first, promoted_at=AT)
    (model_folder(tmp_path, "items", first) / MANIFEST).unlink()
    with pytest.raises(ArtifactBroken, match="version 1, which is not there"):
        champion(tmp_path, "items")
    second = installed(tmp_path, 2, tmp_path)
    assert promote(tmp_path, "items", second, promoted_at=AT).previous is None
    assert champion(tmp_path, "items") is not None


def test_a_damaged_artifact_is_not_installed(tmp_path: Path) -> None:
    source = artifact(tmp_path / "source")
    (source / "note.json").write_text('{"changed": true}')
    with pytest.raises(ArtifactBroken, match="SHA-256"):
        install(tmp_path, "items", version(1), source)
    assert not model_folder(tmp_path, "items", version(1)).exists()


def test_another_model_is_not_installed_under_this_name(tmp_path: Path) -> None:
    with pytest.raises(ArtifactBroken, match="'bundles' where 'items'"):
        install(tmp_path, "items", version(1), artifact(tmp_path / "source", name="bundles"))


@pytest.mark.parametrize("listed", ["../outside.json", "/etc/hostname", "..", ".hidden", "sub/inside.json"])
def test_a_manifest_cannot_reach_outside_its_folder(tmp_path: Path, listed: str) -> None:
    source = artifact(tmp_path / "source")
    manifest = Manifest.model_validate_json((source / MANIFEST).read_text())
    (source / MANIFEST).write_text(manifest.model_copy(update={"files": {**manifest.files, listed: "0" * 64}}).model_dump_json())
    with pytest.raises(ArtifactBroken, match="refused"):
        install(tmp_path, "items", version(1), source)


def test_a_link_in_an_artifact_is_refused(tmp_path: Path) -> None:
    source = artifact(tmp_path / "source")
    (source / "note.json").rename(tmp_path / "elsewhere.json")
    (source / "note.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(ArtifactBroken, match="refused"):
        install(tmp_path, "items", version(1), source)


@pytest.mark.parametrize("name", ["..", "a/b", "", ".hidden"])
def test_a_model_name_cannot_leave_the_cache(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArtifactBroken, match="no lawful name"):
        model_folder(tmp_path, name, version(1))


def test_only_listed_files_are_taken_over(tmp_path: Path) -> None:
    source = artifact(tmp_path / "source")
    (source / "extra.pkl").write_bytes(b"never")
    folder = install(tmp_path, "items", version(1), source)
    assert {p.name for p in folder.iterdir()} == {MANIFEST, "note.json", "rates.npz"}


def test_installing_again_repairs_a_damaged_copy(tmp_path: Path) -> None:
    source = artifact(tmp_path / "source")
    folder = install(tmp_path, "items", version(1), source)
    (folder / "note.json").write_text("damaged")
    assert install(tmp_path, "items", version(1), source) == folder
    assert (folder / "note.json").read_text() == "{}"
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


def test_equal_version_numbers_of_two_tracking_databases_live_side_by_side(tmp_path: Path) -> None:
    source = artifact(tmp_path / "source")
    one = install(tmp_path, "items", VersionRef(version="1", run_id="a" * 32), source)
    two = install(tmp_path, "items", VersionRef(version="1", run_id="b" * 32), source)
    assert one != two


def test_old_versions_are_cleared_but_never_champion_or_previous(tmp_path: Path) -> None:
    folders = []
    for number in range(1, 8):
        promote(tmp_path, "items", installed(tmp_path, number, tmp_path), promoted_at=AT)
        folders.append(model_folder(tmp_path, "items", version(number)))
        os.utime(folders[-1], (number, number))
    assert [f.exists() for f in folders] == [False, False, False, True, True, True, True]


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = artifact(tmp_path / "source")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("training.local_models.shutil.copyfile", full)
    with pytest.raises(OutOfSpace, match="free some space"):
        install(tmp_path, "items", version(1), source)
    assert list((tmp_path / "models" / "items").iterdir()) == []
