"""The models this machine can serve, on its own disk: they outlive MLflow's absence.

`DATA_DIR/models/<name>/<version>-<run>/` holds a checked artifact; the file `DATA_DIR/models/<name>/CHAMPION` says which one serves and
which one served before. A model is written aside and renamed, the pointer is replaced atomically: a reader sees the old model or the new
one, never half of one. Only the files a manifest lists are taken over, and nothing is unpickled here or later.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from features.errors import OutOfSpace, StateMissing
from training import spare_models
from training.artifacts.folder import MANIFEST, ArtifactBroken, Manifest, open_artifact

_POINTER = "CHAMPION"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")  # no separator and no leading dot: cannot leave its folder
_SPARE = 2  # models kept beside the champion and its predecessor: one being promoted, one a slow reader may still have open


class VersionRef(BaseModel):
    """A registered version. The run's id belongs to it: a tracking database that was made anew counts from 1 again."""

    model_config = ConfigDict(frozen=True)

    version: str
    run_id: str

    @property
    def label(self) -> str:
        """Name of its folder, and of it in answers: `version-run`."""
        return f"{self.version}-{self.run_id[:8]}"


class ChampionRef(BaseModel):
    """Which version of a model serves.

    Attributes:
        name: registered model name.
        version, run_id: the champion.
        promoted_at: when it became the champion here, UTC.
        previous: the champion before it, that `rollback` returns to.
        withdrawn: the version rolled back last; it does not return by itself while the registry still calls it champion.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    version: str
    run_id: str
    promoted_at: datetime
    previous: VersionRef | None = None
    withdrawn: VersionRef | None = None

    @property
    def ref(self) -> VersionRef:
        """The champion as a version."""
        return VersionRef(version=self.version, run_id=self.run_id)


def model_folder(data_dir: Path, name: str, ref: VersionRef) -> Path:
    """Folder of an installed version's artifact (it may not exist).

    Raises:
        ArtifactBroken: name, version or run could point outside the cache.
    """
    for part in (name, ref.version, ref.run_id):
        if not _PLAIN_NAME.fullmatch(part):
            raise ArtifactBroken(f"{part!r} is no lawful name, version or run of a model; train and register the model again.")
    return data_dir / "models" / name / ref.label


def names(data_dir: Path) -> list[str]:
    """Names of the models that have a champion here, sorted."""
    return sorted(pointer.parent.name for pointer in (data_dir / "models").glob(f"*/{_POINTER}"))


def champion(data_dir: Path, name: str) -> ChampionRef | None:
    """The version that serves, or None when none was ever promoted here.

    Raises:
        ArtifactBroken: the pointer is damaged or points to a model that is gone.
    """
    pointer = data_dir / "models" / name / _POINTER
    remedy = f"run `huitou train {name}` again."
    try:
        found = ChampionRef.model_validate_json(pointer.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # pydantic's ValidationError is a ValueError
        raise ArtifactBroken(f"{pointer} cannot be read ({type(error).__name__}); {remedy}") from error
    if found.name != name or not (model_folder(data_dir, name, found.ref) / MANIFEST).is_file():
        raise ArtifactBroken(f"{pointer} points to {found.name} version {found.version}, which is not there; {remedy}")
    return found


def install(data_dir: Path, name: str, ref: VersionRef, source: Path) -> Path:
    """Copy a checked artifact into the cache; it serves only after `promote`.

    Args:
        data_dir: folder that holds everything huitou writes.
        name: registered model name; the artifact's manifest must carry the same.
        ref: the version the registry gave it.
        source: artifact folder.

    Returns:
        Folder of the installed artifact.

    Raises:
        ArtifactBroken: the artifact is damaged, is another model, or lists a file outside its folder.
        OutOfSpace: the disk is full; nothing has changed.
    """
    manifest = check(source, name)
    target = model_folder(data_dir, name, ref)
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".writing-", dir=target.parent))
    try:
        for file in (*manifest.files, MANIFEST):
            shutil.copyfile(source / file, aside / file)
        aside.chmod(0o755)
        check(aside, name)
        if not _same(target, manifest):
            if target.exists():  # damaged, or left by another registry: out of the way by a rename, so that the gap is as short as can be
                target.rename(aside.with_name(f"{aside.name}-old"))
            aside.rename(target)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise OutOfSpace(f"The disk that holds {target.parent} is full; free some space and register the model again.") from error
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(aside.with_name(f"{aside.name}-old"), ignore_errors=True)
    return target


def check(folder: Path, name: str) -> Manifest:
    """Read an artifact's manifest and compare every file with it.

    Raises:
        ArtifactBroken: names what does not agree.
    """
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValidationError) as error:
        raise ArtifactBroken(f"{folder / MANIFEST} is missing or damaged; run `huitou train {name}` again.") from error
    if manifest.name != name:
        raise ArtifactBroken(f"{folder} holds the model {manifest.name!r} where {name!r} was expected.")
    for file in manifest.files:
        if not _PLAIN_NAME.fullmatch(file) or (folder / file).is_symlink():
            raise ArtifactBroken(f"{folder / MANIFEST} lists {file!r}, which does not lie in the artifact's folder; it is refused.")
    open_artifact(folder, kind=manifest.kind)
    return manifest


def _same(target: Path, manifest: Manifest) -> bool:
    try:
        return check(target, manifest.name) == manifest
    except ArtifactBroken:
        return False


def resolved(data_dir: Path, name: str, wanted: str) -> VersionRef:
    """The version on this machine that is meant.

    Args:
        data_dir: folder that holds everything huitou writes.
        name: of the model.
        wanted: a version (`3`), a version of a run (`3-8f2c1a90`), or an alias: `@champion` and `@previous` are those of this machine, any
            other is what `huitou fetch` brought last.

    Raises:
        StateMissing: there is none, or several of one number.
        ArtifactBroken: the champion's pointer is damaged.
    """
    root = data_dir / "models" / name
    if wanted in {"@champion", "@previous"}:
        pointer = champion(data_dir, name)
        ref = None if pointer is None else pointer.ref if wanted == "@champion" else pointer.previous
        found = [] if ref is None else [ref.label]
    elif wanted.startswith("@"):
        found = [label for label in (spare_models.aliased(root, wanted),) if label is not None]
    else:
        found = spare_models.of_version(root, wanted)
    if len(found) == 1 and (root / found[0] / MANIFEST).is_file():
        version, _, run = found[0].rpartition("-")
        return VersionRef(version=version, run_id=run)
    if len(found) > 1:
        raise StateMissing(f"{name} {wanted} may be {' or '.join(found)}: say which.")
    option = f"--alias {wanted[1:]}" if wanted.startswith("@") else f"--version {wanted.partition('-')[0]}"
    here = ", ".join(spare_models.labels(root)) or "none"
    raise StateMissing(f"There is no {name} {wanted} on this machine (there is {here}); run `huitou fetch {name} {option}`.")


def promote(data_dir: Path, name: str, ref: VersionRef, *, promoted_at: datetime) -> ChampionRef:
    """Make an installed version the champion; the old one stays at hand as `previous`.

    Raises:
        ArtifactBroken: the version is not installed or is damaged.
    """
    check(model_folder(data_dir, name, ref), name)
    try:
        before = champion(data_dir, name)
    except ArtifactBroken:
        before = None  # safe: a broken pointer names no model that could be returned to
    previous = None if before is None else (before.previous if before.ref == ref else before.ref)
    return _point(data_dir, ChampionRef(name=name, version=ref.version, run_id=ref.run_id, promoted_at=promoted_at, previous=previous))


def rollback(data_dir: Path, name: str, *, promoted_at: datetime) -> ChampionRef:
    """Return to the champion before this one; doing it twice changes nothing in the end.

    Raises:
        StateMissing: there is no earlier champion.
        ArtifactBroken: the earlier champion is damaged; the present one goes on serving.
    """
    now = champion(data_dir, name)
    if now is None or now.previous is None:
        raise StateMissing(f"There is no earlier version of {name} to return to; run `huitou train {name}` to make another.")
    back = now.previous
    check(model_folder(data_dir, name, back), name)
    return _point(
        data_dir,
        ChampionRef(name=name, version=back.version, run_id=back.run_id, promoted_at=promoted_at, previous=now.ref, withdrawn=now.ref),
    )


def _point(data_dir: Path, ref: ChampionRef) -> ChampionRef:
    root = data_dir / "models" / ref.name
    draft = root / f".{_POINTER}-{os.getpid()}"
    draft.write_text(ref.model_dump_json(indent=2), encoding="utf-8")
    draft.replace(root / _POINTER)
    needed = {model_folder(data_dir, ref.name, kept) for kept in (ref.ref, ref.previous) if kept is not None}
    needed |= {root / label for label in spare_models.wanted(root)}
    others = sorted((p for p in root.glob("[!.]*-*") if p.is_dir() and p not in needed), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in others[_SPARE:]:
        shutil.rmtree(old, ignore_errors=True)
    return ref
