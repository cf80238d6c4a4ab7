"""Models that answer in arms of experiments, beside the live ones: loaded and self-tested like those, never in a request.

An arm names a version for good; when another champion comes it stays. A version that cannot be had leaves the arm to the live models,
and every answer says so.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from features.decisions.experiment import Arm, Experiment
from features.errors import HuitouError
from serving.errors import ArmRefused
from serving.live_models import KINDS, LiveModels, Seen, open_model
from training import local_models, spare_models
from training.artifacts.folder import MANIFEST

# Said to callers: the cause, which may name files, is in /readyz and in the log.
ARM_NOT_SERVED = "The models of the customer's arm did not answer; the live ones did. /readyz or the log says why."
Version = tuple[str, str]  # a model's name and the label of one of its versions, `3-8f2c1a90`


@dataclass(frozen=True)
class ArmModels:
    """Those that are loaded.

    Attributes:
        models: by name and label.
        problems: name and label → one sentence, for those that cannot be had.
    """

    models: Mapping[Version, Any]
    problems: Mapping[Version, str]

    def beside(self, live: LiveModels, wanted: Mapping[str, str]) -> LiveModels | None:
        """The live set with some models replaced; None when one of them cannot be had: half an arm would be no arm.

        Args:
            live: what answers elsewhere.
            wanted: model → label.
        """
        if not all(version in self.models for version in wanted.items()):
            return None
        models = {name: self.models[name, label] for name, label in wanted.items()}
        problems = {name: told for name, told in live.problems.items() if name not in wanted}
        versions = MappingProxyType({**live.versions, **wanted})
        return replace(live, **models, versions=versions, problems=MappingProxyType(problems))

    def told(self) -> dict[str, str]:
        """Part → one sentence, for those who run the service."""
        return {f"arm {name} {label}": problem for (name, label), problem in self.problems.items()}


NO_ARMS = ArmModels(MappingProxyType({}), MappingProxyType({}))


class ArmShelf:
    """Loads what experiments need and lets go what they need no longer; one thread at a time.

    Attributes:
        current: what is loaded; another object once anything has changed.
    """

    def __init__(self, data_dir: Path, *, seen: Seen | None = None) -> None:
        """Nothing is loaded yet.

        Args:
            data_dir: folder that holds everything huitou writes.
            seen: as of `serving.live_models.ModelShelf`.
        """
        self._data_dir, self._watched = data_dir, seen
        self._failed: dict[Version, float | None] = {}  # when its files were written, for those that cannot be used
        self.current = NO_ARMS

    def keep(self, wanted: Collection[Version], standing: LiveModels) -> ArmModels:
        """Have these, and no others.

        Args:
            wanted: what experiments need.
            standing: the live set; a version that answers there is shared, not loaded again.
        """
        changed = {version for version in self.current.problems if self._written(version) != self._failed.get(version)}
        known = {*self.current.models, *self.current.problems} - changed
        if known == set(wanted):
            return self.current
        models = {version: model for version, model in self.current.models.items() if version in wanted}
        problems = {version: told for version, told in self.current.problems.items() if version in wanted and version not in changed}
        for version in sorted({*wanted} - {*models, *problems}):
            self._failed[version] = self._written(version)
            try:
                models[version] = self._loaded(version, standing)
            except HuitouError as error:
                problems[version] = f"The arms with {version[0]} {version[1]} are answered by the live models: {error}"
        self._hold(wanted)
        self.current = ArmModels(MappingProxyType(models), MappingProxyType(problems))
        return self.current

    def pinned(self, written: Experiment, before: Experiment | None = None) -> Experiment:
        """The experiment with a version of this machine in the place of every number and alias, each of them tried out.

        Args:
            written: as it comes.
            before: the experiment of the same id, whose versions are not tried again: one whose model is gone must still be ended.

        Raises:
            ArmRefused: one of them cannot be had; names the field.
        """
        standing = frozenset() if before is None else frozenset(version for arm in before.arms for version in arm.models.items())
        arms = (self._pinned(arm, f"arms.{at}.models", standing) for at, arm in enumerate(written.arms))
        return written.model_copy(update={"arms": tuple(arms)})

    def _pinned(self, arm: Arm, field: str, standing: Collection[Version]) -> Arm:
        found = {}
        for name, wanted in arm.models.items():
            if name not in KINDS:
                raise ArmRefused(f"{field}.{name}", f"There is no model {name}; the models are {', '.join(KINDS)}.")
            if (name, wanted) in standing:
                found[name] = wanted
                continue
            try:
                ref = local_models.resolved(self._data_dir, name, wanted)
                if (name, ref.label) not in self.current.models:
                    open_model(self._data_dir, name, ref)
            except HuitouError as error:
                # Whoever writes experiments needs the cause; where this machine keeps its files is not for them.
                raise ArmRefused(f"{field}.{name}", str(error).replace(str(self._data_dir), "DATA_DIR")) from error
            found[name] = ref.label
        return arm.model_copy(update={"models": found}) if found else arm

    def _loaded(self, version: Version, standing: LiveModels) -> Any:  # noqa: ANN401 - each kind has a class of its own
        name, label = version
        if standing.versions.get(name) == label:
            return getattr(standing, name)
        model = open_model(self._data_dir, name, local_models.resolved(self._data_dir, name, label))
        return model if self._watched is None else self._watched(name, model)

    def _written(self, version: Version) -> float | None:
        try:
            return (self._data_dir / "models" / version[0] / version[1] / MANIFEST).stat().st_mtime
        except OSError:
            return None

    def _hold(self, wanted: Collection[Version]) -> None:
        for name in KINDS:
            root = self._data_dir / "models" / name
            with contextlib.suppress(OSError):  # safe: what is loaded answers; only a restart after two more trainings would miss it
                if root.is_dir():
                    spare_models.hold(root, [label for kind, label in wanted if kind == name])
