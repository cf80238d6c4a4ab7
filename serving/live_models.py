"""The models that answer now: loaded from the local cache, checked, self-tested, swapped as one immutable set, rolled back as one.

Neither MLflow nor its database is touched: training and promotion leave the champions on this disk. A model that is missing or broken
leaves its part of the answers degraded with a named reason; the service starts all the same.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from features.errors import HuitouError
from serving.model_checks import (
    check_bundles,
    check_channel_churn,
    check_items,
    check_offer_effect,
    check_repurchase,
    check_return_hazard,
    check_value,
)
from training import local_models
from training.artifacts.bundles import BundleModel
from training.artifacts.channel_churn import ChannelChurn
from training.artifacts.folder import ArtifactBroken
from training.artifacts.items import ItemModel
from training.artifacts.offer_effect import OfferEffect
from training.artifacts.repurchase import RepurchaseModel
from training.artifacts.return_hazard import ReturnHazard
from training.artifacts.value import ValueModel
from training.local_models import ChampionRef, VersionRef

_POINTER = "CHAMPION"
Seen = Callable[[str, Any], Any]


@dataclass(frozen=True)
class Kind:
    """How one model is opened and tried out."""

    load: Callable[[Path], Any]
    check: Callable[[Any], None]


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "return_hazard": Kind(ReturnHazard.load, check_return_hazard),
        "value": Kind(ValueModel.load, check_value),
        "repurchase": Kind(RepurchaseModel.load, check_repurchase),
        "items": Kind(ItemModel.load, check_items),
        "bundles": Kind(BundleModel.load, check_bundles),
        "channel_churn": Kind(ChannelChurn.load, check_channel_churn),
        "offer_effect": Kind(OfferEffect.load, check_offer_effect),
    }
)
# Models that not every shop can have: one that was never trained leaves nothing degraded, one that is broken does.
OPTIONAL = frozenset({"channel_churn", "offer_effect"})


@dataclass(frozen=True)
class LiveModels:
    """One consistent set of models; a request holds it from beginning to end.

    Attributes:
        return_hazard, value, repurchase, items, bundles, channel_churn, offer_effect: the models, None where there is none that works.
        versions: model name → `version-run`, as in the local cache, for every model that answers.
        problems: model name → one sentence, for every model that is missing or is not the champion.
        absent: model of `OPTIONAL` → one sentence, for every one that was never trained here.
    """

    return_hazard: ReturnHazard | None = None
    value: ValueModel | None = None
    repurchase: RepurchaseModel | None = None
    items: ItemModel | None = None
    bundles: BundleModel | None = None
    channel_churn: ChannelChurn | None = None
    offer_effect: OfferEffect | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)

    def degraded(self, names: Iterable[str] | None = None) -> dict[str, str]:
        """Model → one sentence for the caller, for those that do not answer at all; the cause, which may name files, is in `problems`.

        Args:
            names: the models a part of the service needs; all by default.
        """
        if names is None:
            return dict(self._all_degraded)  # asked in every answer
        wanted = [name for name in names if getattr(self, name) is None]
        missing = [name for name in wanted if name not in OPTIONAL or name in self.problems]
        return {name: f"The model {name} is not available; /readyz says why." for name in missing}

    @functools.cached_property
    def _all_degraded(self) -> dict[str, str]:
        return self.degraded(tuple(KINDS))


class ModelShelf:
    """Holds the live set and the one before it.

    Reading `current` is one attribute access, replaced atomically; reloading belongs to one thread at a time.
    """

    def __init__(self, data_dir: Path, *, seen: Seen | None = None) -> None:
        """Load what is there; never raises for a model that is missing or broken.

        Args:
            data_dir: folder that holds everything huitou writes.
            seen: puts something before each model (given its name) that watches it work; by default nothing.
        """
        self._data_dir, self._watched = data_dir, seen
        self._seen = self._pointers()
        self.current = load_models(data_dir, LiveModels(), seen=seen)
        self.previous: LiveModels | None = None

    def reload_if_changed(self) -> bool:
        """Swap in the new set when a champion has changed on disk; returns whether it did.

        A champion that fails its check or self-test does not displace the model that answers now.
        """
        pointers = self._pointers()
        if pointers == self._seen:
            return False
        fresh = load_models(self._data_dir, self.current, seen=self._watched)
        self._seen = pointers
        if fresh.versions == self.current.versions and fresh.problems == self.current.problems:
            return False
        self.previous, self.current = self.current, fresh
        return True

    def roll_back(self) -> bool:
        """Return to the set before this one, at once and in memory; False when there is none.

        It lasts until a champion changes on disk; `training.local_models.rollback` makes it lasting.
        """
        if self.previous is None:
            return False
        self.previous, self.current = self.current, self.previous
        return True

    def restore(self, models: LiveModels) -> None:
        """Answer with a set that answered before; as `roll_back`, until a champion changes on disk."""
        self.previous, self.current = self.current, models

    def _pointers(self) -> dict[str, bytes | None]:
        return {name: _content(self._data_dir / "models" / name / _POINTER) for name in KINDS}


def load_models(data_dir: Path, standing: LiveModels, *, seen: Seen | None = None) -> LiveModels:
    """Load every champion; where that fails keep the standing model, else take the champion before it.

    Args:
        data_dir: folder that holds everything huitou writes.
        standing: what answers now; a model whose version has not changed is taken over, not loaded again.
        seen: as of `ModelShelf`.
    """
    models: dict[str, Any] = {}
    versions: dict[str, str] = {}
    problems: dict[str, str] = {}
    for name in KINDS:
        model, version, problem = _load_one(data_dir, name, standing)
        fresh = model is not None and model is not getattr(standing, name)
        models[name] = seen(name, model) if seen is not None and fresh else model
        if version is not None:
            versions[name] = version
        if problem is not None:
            problems[name] = problem
    never = {
        name: problems.pop(name) for name in OPTIONAL if models[name] is None and _content(data_dir / "models" / name / _POINTER) is None
    }
    return LiveModels(**models, versions=MappingProxyType(versions), problems=MappingProxyType(problems), absent=MappingProxyType(never))


def _load_one(data_dir: Path, name: str, standing: LiveModels) -> tuple[Any, str | None, str | None]:
    model, version = getattr(standing, name), standing.versions.get(name)
    try:
        ref = local_models.champion(data_dir, name)
    except ArtifactBroken as error:
        return model, version, str(error)
    if ref is None:
        remedy = f"`huitou train {name}` trains it or says what is missing." if name in OPTIONAL else f"run `huitou train {name}`."
        return model, version, f"The model {name} was never trained here; {remedy}"
    if ref.ref.label == version:
        return model, version, None
    try:
        return open_model(data_dir, name, ref.ref), ref.ref.label, None
    except HuitouError as error:
        if model is not None:
            return model, version, f"{error} Version {version} goes on serving."
        return _open_previous(data_dir, ref, str(error))


def _open_previous(data_dir: Path, ref: ChampionRef, problem: str) -> tuple[Any, str | None, str]:
    if ref.previous is None:
        return None, None, problem
    label = ref.previous.label
    try:
        return open_model(data_dir, ref.name, ref.previous), label, f"{problem} The champion before it, {label}, serves."
    except HuitouError as error:
        return None, None, f"{problem} The one before it fails too: {error}"


def open_model(data_dir: Path, name: str, ref: VersionRef) -> Any:  # noqa: ANN401 - each kind has a class of its own
    """Load one version from this disk: its files, its feature set and its self-test must be right.

    Raises:
        HuitouError: they are not; names the file or what was answered.
    """
    folder = local_models.model_folder(data_dir, name, ref)
    local_models.check(folder, name)
    kind = KINDS[name]
    try:
        model = kind.load(folder)
        kind.check(model)
    except HuitouError:
        raise
    except Exception as error:
        # Whatever a damaged or foreign file makes of a loader, it must cost this model only, not the service.
        raise ArtifactBroken(f"{folder} cannot be used ({type(error).__name__}: {error}); run `huitou train {name}` again.") from error
    return model


def withdraw(data_dir: Path, failed: LiveModels, standing: LiveModels, *, at: datetime) -> list[str]:
    """Make it lasting that a set was withdrawn: where a champion is of that set, the one before it becomes champion again.

    Returns:
        One sentence for every model for which that is not possible; it then serves again after a restart.
    """
    problems = []
    for name, version in failed.versions.items():
        if standing.versions.get(name) == version:
            continue
        try:
            present = local_models.champion(data_dir, name)
            if present is not None and present.ref.label == version:  # else another process has done it, or there is a newer one
                local_models.rollback(data_dir, name, promoted_at=at)
        except (HuitouError, OSError) as error:
            problems.append(f"{name} {version} stays champion on the disk: {error}")
    return problems


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None  # no champion yet
