"""Our own MLflow flavour: an artifact folder beside an `MLmodel` file, read back by this module and never by pickle.

MLflow's usual ways to log a custom model pickle a Python object (`python_model.pkl`) or copy code into the artifact. Here the MLmodel
names this installed module as `loader_module`, and the data are the manifest, text and arrays of `training.artifacts.folder`. Whoever
loads the model must have huitou installed; the reasons are in docs/adr/0003-mlflow-without-pickle.md.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from training.artifacts.folder import MANIFEST, ArtifactBroken, Manifest
from training.local_models import check

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.models import ModelSignature

FLAVOUR = "huitou"
ARTIFACT_FOLDER = "artifact"
_LIBRARIES = ("numpy", "pydantic", "lightgbm", "pandas", "mlflow")  # what loading and predicting import, beside huitou itself

FrameType = Literal["double", "long", "string", "boolean", "doubles", "longs", "strings"]
"""Type of a frame's column; the plural is one list a row."""


@runtime_checkable
class FrameModel(Protocol):
    """What an artifact class offers so that MLflow's users can call it with a pandas frame.

    Attributes:
        frame_inputs: column → type, in order; the model's signature.
        frame_outputs: column → type of what `predict_frame` returns, one row for each input row.
    """

    @property
    def frame_inputs(self) -> Mapping[str, FrameType]:
        """Columns the model reads."""
        ...

    @property
    def frame_outputs(self) -> Mapping[str, FrameType]:
        """Columns the model answers with."""
        ...

    def predict_frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Predict one row for each row of the frame."""
        ...


# Names instead of classes: opening the churn model need not import the others' libraries.
ARTIFACT_CLASSES: dict[str, str] = {
    "return_hazard": "training.artifacts.return_hazard:ReturnHazard",
    "value": "training.artifacts.value:ValueModel",
    "repurchase": "training.artifacts.repurchase:RepurchaseModel",
    "items": "training.artifacts.items:ItemModel",
    "bundles": "training.artifacts.bundles:BundleModel",
    "channel_churn": "training.artifacts.channel_churn:ChannelChurn",
    "offer_effect": "training.artifacts.offer_effect:OfferEffect",
}


class PyfuncModel:
    """What `mlflow.pyfunc.load_model` wraps: the finished model behind MLflow's `predict`."""

    def __init__(self, model: FrameModel) -> None:
        self.model = model

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002 - MLflow's contract
        """Predict one row for each row of `model_input`; columns as the signature says."""
        return self.model.predict_frame(model_input)


def _load_pyfunc(path: str) -> PyfuncModel:
    """Open the artifact below an MLmodel; MLflow finds this function by its name."""
    return PyfuncModel(open_frame_model(Path(path)))


def open_frame_model(folder: Path) -> FrameModel:
    """Open an artifact by the kind its manifest states.

    Raises:
        ArtifactBroken: it is damaged, of a kind this huitou does not know, or of one that does not read frames.
    """
    manifest = _checked(folder)
    place = ARTIFACT_CLASSES.get(manifest.kind)
    if place is None:
        raise ArtifactBroken(f"{folder} holds a {manifest.kind!r} model; this huitou knows {', '.join(sorted(ARTIFACT_CLASSES))}.")
    module, _, name = place.partition(":")
    model = getattr(importlib.import_module(module), name).load(folder)
    if not isinstance(model, FrameModel):
        raise ArtifactBroken(
            f"{place} has no predict_frame with frame_inputs and frame_outputs; MLflow cannot call a {manifest.kind} model."
        )
    return model


def write_mlmodel(folder: Path, artifact: Path, *, model_id: str, run_id: str) -> None:
    """Write a complete MLflow model: `MLmodel`, `requirements.txt` and a copy of the artifact.

    Args:
        folder: an empty folder.
        artifact: a finished artifact folder.
        model_id: MLflow's id of the logged model.
        run_id: the run that made it.

    Raises:
        ArtifactBroken: the artifact is damaged or cannot be called with a frame.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow warns the user about the type hints of its own modules
        from mlflow import pyfunc
        from mlflow.models import Model

    manifest = _checked(artifact)
    copy = folder / ARTIFACT_FOLDER
    copy.mkdir(parents=True)
    for name in (*manifest.files, MANIFEST):  # only what the manifest lists: nothing else reaches the registry
        (copy / name).write_bytes((artifact / name).read_bytes())
    model = Model(run_id=run_id, model_id=model_id, model_uuid=model_id, signature=signature(open_frame_model(copy)))
    pyfunc.add_to_model(model, loader_module=__name__, data=ARTIFACT_FOLDER)
    model.add_flavor(FLAVOUR, kind=manifest.kind, format_version=manifest.format_version, data=ARTIFACT_FOLDER)
    model.save(str(folder / "MLmodel"))
    # Stated by hand: MLflow's inference loads the model in another process, which takes many seconds. huitou itself is left out, since a
    # tool that installs this list must never fetch somebody else's package of that name.
    (folder / "requirements.txt").write_text("".join(f"{line}\n" for line in _pinned()), encoding="utf-8")


def signature(model: FrameModel) -> ModelSignature:
    """MLflow signature of a model's frames."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import Array

    def schema(columns: Mapping[str, FrameType]) -> Schema:
        return Schema(
            [ColSpec(Array(DataType[kind[:-1]]) if kind.endswith("s") else DataType[kind], name) for name, kind in columns.items()]
        )

    return ModelSignature(inputs=schema(model.frame_inputs), outputs=schema(model.frame_outputs))


def _checked(folder: Path) -> Manifest:
    try:
        name = Manifest.model_validate_json((folder / MANIFEST).read_text(encoding="utf-8")).name
    except (OSError, ValueError) as error:
        raise ArtifactBroken(f"{folder / MANIFEST} is missing or damaged; train the model again ({type(error).__name__}).") from error
    return check(folder, name)


def _pinned() -> list[str]:
    lines = []
    for library in _LIBRARIES:
        try:
            lines.append(f"{library}=={version(library)}")
        except PackageNotFoundError:
            continue
    return lines
