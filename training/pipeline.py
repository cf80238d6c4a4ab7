"""Dataset → judged fit → record → refit → register: one model after another, each skipped when nothing it depends on has changed."""

from __future__ import annotations

import importlib
import json
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from pydantic import ValidationError

from features.assumptions import FILE as ASSUMPTIONS_FILE
from features.assumptions import load_assumptions
from features.errors import HuitouError, TooLittleHistory
from features.feature_sets import CATEGORY, CUSTOMER, RECENT
from features.merchant_bundles import merchant_sets
from features.versions import content_hash
from training import local_models
from training.artifacts.folder import FORMAT_VERSION, ArtifactBroken
from training.recipe import Evaluation, Recipe, TrainingData
from training.registry import Registry

MODELS = ("return_hazard", "value", "repurchase", "items", "bundles", "channel_churn", "offer_effect")
_MEMORY = "TRAINED.json"
# Recipes that the assumptions file has nothing to say to. Names instead of classes: training one model need not import the others'.
_AS_THEY_ARE = {
    "return_hazard": "training.models.return_hazard:ReturnHazardRecipe",
    "value": "training.models.value:ValueRecipe",
    "channel_churn": "training.models.channel_churn:ChannelChurnRecipe",
    "offer_effect": "training.models.offer_effect:OfferEffectRecipe",
}


@dataclass(frozen=True)
class Trained:
    """What became of one model.

    Attributes:
        name: model name.
        evaluation: what was measured; None when it could not be trained.
        version: registered version now champion; None when it could not be trained.
        reused: nothing had changed, the champion and its evaluation are those of an earlier run.
        seconds: wall time spent now.
        reason: why it could not be trained, else "".
    """

    name: str
    evaluation: Evaluation | None
    version: str | None
    reused: bool
    seconds: float
    reason: str = ""


class Watcher(Protocol):
    """Told what is going on."""

    def begin(self, model: str) -> None:
        """A model's turn begins."""
        ...

    def tell(self, part: str) -> None:
        """A part of the current model begins."""
        ...

    def end(self, result: Trained) -> None:
        """The model is done, reused or skipped."""
        ...


@runtime_checkable
class ReadsMore(Protocol):
    """A recipe that depends on more than the history."""

    def inputs(self, data: TrainingData) -> object:
        """What else it depends on, for a hash: equal means that training again would give the same."""
        ...


def recipe(name: str, data: TrainingData) -> Recipe:
    """The recipe of a model, with what the assumptions file says about the catalogue.

    Raises:
        HuitouError: no such model.
    """
    excluded = load_assumptions(data.settings.data_dir / ASSUMPTIONS_FILE).catalogue.excluded_categories
    if name in _AS_THEY_ARE:
        module, recipe_class = _AS_THEY_ARE[name].split(":")
        made: Recipe = getattr(importlib.import_module(module), recipe_class)()
        return made
    if name == "repurchase":
        from training.models.repurchase import RepurchaseConfig, RepurchaseRecipe

        return RepurchaseRecipe(RepurchaseConfig(excluded_categories=frozenset(excluded)))
    if name == "items":
        from training.models.items import ItemsConfig, ItemsRecipe

        return ItemsRecipe(ItemsConfig(excluded_categories=frozenset(excluded)))
    if name == "bundles":
        from training.models.bundle_mining import MerchantBundle
        from training.models.bundles import BundlesConfig, BundlesRecipe

        given = (MerchantBundle(**asdict(bundle)) for bundle in merchant_sets(data.warehouse, data.settings.data_dir))
        return BundlesRecipe(BundlesConfig(excluded_categories=frozenset(excluded), merchant_bundles=tuple(given)))
    raise HuitouError(f"There is no model {name!r}; choose from {', '.join(MODELS)}.")


def train(names: Iterable[str], data: TrainingData, registry: Registry, watcher: Watcher, *, force: bool = False) -> list[Trained]:
    """Judge, refit and register models; one that lacks history is reported and skipped, the others go on.

    Args:
        names: models, in the order they are trained.
        data: what the recipes read.
        registry: where runs and models are recorded.
        watcher: told the progress.
        force: train even when nothing has changed.
    """
    results = []
    for name in names:
        watcher.begin(name)
        result = _train_one(recipe(name, data), replace(data, tell=watcher.tell), registry, force=force)
        watcher.end(result)
        results.append(result)
    return results


def _train_one(model: Recipe, data: TrainingData, registry: Registry, *, force: bool) -> Trained:
    started = time.perf_counter()
    inputs = content_hash(
        {
            "format": FORMAT_VERSION,
            "warehouse": data.warehouse.version,
            "now": data.now.isoformat(),
            "seed": data.seed,
            "config": repr(getattr(model, "config", None)),
            "beside": model.inputs(data) if isinstance(model, ReadsMore) else None,
            "features": [CUSTOMER.hash, CATEGORY.hash, RECENT.hash],
            "code": _code_hash(),
        }
    )
    if not force and (kept := _unchanged(data, model.name, inputs)) is not None:
        version, evaluation = kept
        return Trained(model.name, evaluation, version, reused=True, seconds=time.perf_counter() - started)
    data.settings.data_dir.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=".training-", dir=data.settings.data_dir) as aside:
            judged, final = Path(aside) / "judged", Path(aside) / "final"
            evaluation = model.evaluate(data, judged)
            judged_manifest = local_models.check(judged, model.name)
            data.tell("recording the evaluation")
            recorded = registry.begin_record(evaluation, judged_manifest, judged, purpose="evaluation")
            data.tell("fitting on everything")
            try:
                manifest = model.refit(data, final, evaluation)
            finally:
                run = recorded()  # in any case: its folder goes with this block
            data.tell("registering the champion")
            refit_run = registry.record(evaluation, manifest, final, purpose="refit", evaluation_run_id=run)
            version = registry.register(model.name, refit_run, final)
    except TooLittleHistory as error:
        return Trained(model.name, None, None, reused=False, seconds=time.perf_counter() - started, reason=str(error))
    _remember(data, model.name, inputs, version, evaluation)
    return Trained(model.name, evaluation, version, reused=False, seconds=time.perf_counter() - started)


def _code_hash() -> str:
    # A changed method must not be mistaken for unchanged data, nor must features that are computed anew under their old names.
    root = Path(__file__).parent.parent
    return content_hash(*(path for floor in ("features", "training") for path in sorted((root / floor).rglob("*.py"))))


def trained_before(data_dir: Path, name: str) -> Trained:
    """What the last training made of a model, from its champion and its memory; nothing is trained."""
    found = _remembered(data_dir, name)
    if found is None:
        return Trained(
            name, None, None, reused=True, seconds=0.0, reason=f"There is no champion; `huitou train {name}` makes one or says why."
        )
    _, version, evaluation = found
    return Trained(name, evaluation, version, reused=True, seconds=evaluation.seconds)


def _unchanged(data: TrainingData, name: str, inputs: str) -> tuple[str, Evaluation] | None:
    found = _remembered(data.settings.data_dir, name)
    return None if found is None or found[0] != inputs else found[1:]


def _remembered(data_dir: Path, name: str) -> tuple[str, str, Evaluation] | None:
    """Inputs, version and evaluation of the champion; None where there is none or anything of it is damaged."""
    path = data_dir / "models" / name / _MEMORY
    try:
        memory = json.loads(path.read_text(encoding="utf-8"))
        champion = local_models.champion(data_dir, name)
        if champion is None or memory["version"] != champion.version:
            return None
        local_models.check(local_models.model_folder(data_dir, name, champion.ref), name)
        return str(memory["inputs"]), champion.version, Evaluation.model_validate(memory["evaluation"])
    except (OSError, ValueError, KeyError, ValidationError, ArtifactBroken):
        return None  # safe: the model is trained anew


def _remember(data: TrainingData, name: str, inputs: str, version: str, evaluation: Evaluation) -> None:
    path = data.settings.data_dir / "models" / name / _MEMORY
    aside = path.with_suffix(".writing")
    aside.write_text(json.dumps({"inputs": inputs, "version": version, "evaluation": evaluation.model_dump(mode="json")}), encoding="utf-8")
    aside.replace(path)
