"""Where runs and models are recorded. Built at the edge, passed down, never read from globals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from features.secret_files import SettingsWithSecrets
from features.settings import FeatureSettings

SQLITE_SCHEME = "sqlite:///"


def _default_tracking_uri(data: dict[str, Any]) -> str:
    # Absolute: MLflow resolves a relative SQLite path against whatever folder the process happens to stand in.
    return f"{SQLITE_SCHEME}{(data['data_dir'] / 'mlflow.db').resolve()}"


def _default_artifact_location(data: dict[str, Any]) -> str:
    # A tracking server decides itself where artifacts go; only beside our own SQLite file must we say it.
    if not data["tracking_uri"].startswith(SQLITE_SCHEME):
        return ""
    return str((data["data_dir"] / "mlruns-artifacts").resolve().as_uri())


class TrainingSettings(SettingsWithSecrets):
    """Settings of the first floor; environment variables carry the prefix `HUITOU_`."""

    model_config = SettingsConfigDict(env_prefix="HUITOU_", frozen=True, extra="ignore")

    data_dir: Path = Field(default=Path("data"), description="Folder that holds everything huitou writes.")
    tracking_uri: str = Field(
        default_factory=_default_tracking_uri,
        description="MLflow's backend: `sqlite:///…`, `postgresql://…` or the address of a tracking server. Default: DATA_DIR/mlflow.db.",
        repr=False,  # it may hold a password
    )
    artifact_location: str = Field(
        default_factory=_default_artifact_location,
        description="Where MLflow keeps artifacts; empty lets the tracking server decide. Default: DATA_DIR/mlruns-artifacts.",
    )
    experiment: str = Field(default="huitou", min_length=1, description="MLflow experiment of all runs.")
    tracking_patience_seconds: float = Field(
        default=3.0, gt=0, description="How long MLflow may take to show that it is there, before the cached models are used instead."
    )

    @classmethod
    def beside(cls, features: FeatureSettings) -> TrainingSettings:
        """Settings that share the ground floor's data folder; everything else from the environment or by default."""
        return cls(data_dir=features.data_dir)
