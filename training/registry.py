"""MLflow as the record of runs and models, with the local cache beside it that serving lives from.

MLflow and its database are imported and opened only when a method needs them; reading from the cache needs neither. Every conversation is
bounded by seconds (`training.tracking_server`). The registered model carries two aliases: `champion` serves, `previous` served before.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.errors import StateMissing
from features.versions import content_hash
from training import local_models, spare_models
from training.artifacts.folder import ArtifactBroken, Manifest
from training.local_models import ChampionRef, VersionRef
from training.mlflow_model import ARTIFACT_FOLDER, write_mlmodel
from training.run_record import Purpose, run_record, write_run_files
from training.settings import TrainingSettings
from training.tracking_client import conversation
from training.tracking_server import RegistryAway

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from training.recipe import Evaluation

CHAMPION = "champion"
PREVIOUS = "previous"
_PARAMETERS_PER_CALL = 100  # MLflow's MAX_PARAMS_TAGS_PER_BATCH
_METRICS_PER_CALL = 1000  # MLflow's MAX_METRICS_PER_BATCH


@dataclass(frozen=True)
class Fetched:
    """What `fetch` brought.

    Attributes:
        ref: the version.
        folder: its artifact in the local cache.
        changed: whether it came from MLflow just now.
        degraded: whether MLflow could not be asked and the cached version stands in.
        reason: one sentence when degraded or held back, else "".
    """

    ref: VersionRef
    folder: Path
    changed: bool = False
    degraded: bool = False
    reason: str = ""


class Registry:
    """Records runs, registers models, brings the champion to the local cache."""

    def __init__(self, settings: TrainingSettings) -> None:
        self.settings = settings

    def record(
        self, evaluation: Evaluation, manifest: Manifest, artifact_folder: Path, *, purpose: Purpose, evaluation_run_id: str | None = None
    ) -> str:
        """Record a run: parameters, metrics, baselines, intervals, plots and what it was made from.

        Args:
            evaluation: what the recipe measured.
            manifest: of the artifact that this run made.
            artifact_folder: that artifact; kept with an evaluation's run. The refitted one is kept by `register`.
            purpose: `evaluation` or `refit`.
            evaluation_run_id: of a refit, the run that judged the recipe.

        Returns:
            MLflow's id of the run.

        Raises:
            RegistryAway: MLflow cannot be reached or refused.
        """
        record = run_record(evaluation, manifest, purpose, evaluation_run_id)
        with conversation(self.settings, create=True) as client:
            from mlflow.entities import Metric, Param

            run = client.create_run(self._experiment(client), run_name=f"{evaluation.name}-{purpose}", tags=dict(record.tags))
            run_id, time = str(run.info.run_id), run.info.start_time
            try:
                metrics = [Metric(k, v, time, 0) for k, v in record.metrics.items()]
                parameters = [Param(k, v) for k, v in record.parameters.items()]
                for start in range(0, len(metrics), _METRICS_PER_CALL):
                    client.log_batch(run_id, metrics=metrics[start : start + _METRICS_PER_CALL])
                for start in range(0, len(parameters), _PARAMETERS_PER_CALL):
                    client.log_batch(run_id, params=parameters[start : start + _PARAMETERS_PER_CALL])
                with tempfile.TemporaryDirectory() as files:
                    write_run_files(Path(files), evaluation, manifest, purpose)
                    client.log_artifacts(run_id, files)
                if purpose == "evaluation":
                    client.log_artifacts(run_id, str(artifact_folder), ARTIFACT_FOLDER)
            except BaseException:
                with contextlib.suppress(Exception):  # safe: the first error is the one to tell, and a run left open says as much
                    client.set_terminated(run_id, "FAILED")
                raise
            client.set_terminated(run_id)
        return run_id

    def begin_record(self, evaluation: Evaluation, manifest: Manifest, artifact_folder: Path, *, purpose: Purpose) -> Callable[[], str]:
        """Record a run, beside the caller's further work where that is possible.

        Args and errors are those of `record`; the artifact must stay until the answer is fetched, and nothing else be asked before.

        Returns:
            What waits for the run and returns its id.
        """
        run_id = self.record(evaluation, manifest, artifact_folder, purpose=purpose)
        return lambda: run_id

    def register(self, name: str, run_id: str, artifact_folder: Path) -> str:
        """Make an artifact the champion, in MLflow and in the local cache; the old champion gets the alias `previous`.

        Returns:
            The version MLflow gave it.

        Raises:
            ArtifactBroken: the artifact is damaged or is not the model `name`; nothing is registered.
            RegistryAway: MLflow cannot be reached or refused; the old champion goes on serving.
        """
        manifest = local_models.check(artifact_folder, name)
        with conversation(self.settings, create=True) as client:
            from mlflow.entities import LoggedModelOutput

            tags = {"kind": manifest.kind, "input_hash": manifest.input_hash, "git_commit": manifest.git_commit}
            experiment = client.get_run(run_id).info.experiment_id
            logged = client.create_logged_model(experiment, name=name, source_run_id=run_id, tags=tags, model_type="huitou")
            try:
                with tempfile.TemporaryDirectory() as files:
                    write_mlmodel(Path(files), artifact_folder, model_id=logged.model_id, run_id=run_id)
                    client.log_model_artifacts(logged.model_id, files)
            except BaseException:
                with contextlib.suppress(Exception):  # safe, as above
                    client.finalize_logged_model(logged.model_id, "FAILED")
                raise
            client.finalize_logged_model(logged.model_id, "READY")
            client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
            self._ensure_model(client, name)
            made = client.create_model_version(name, source=logged.artifact_location, run_id=run_id, tags=tags, model_id=logged.model_id)
            ref = VersionRef(version=str(made.version), run_id=run_id)
            # Installed before the alias moves: what MLflow calls champion is then already whole on this disk.
            local_models.install(self.settings.data_dir, name, ref, artifact_folder)
            self._move_aliases(client, name, ref)
        local_models.promote(self.settings.data_dir, name, ref, promoted_at=_created(made))
        return ref.version

    def fetch(self, name: str, alias: str = CHAMPION) -> Fetched:
        """Bring the version behind an alias to the local cache when MLflow has another than the cache.

        A fetched champion is promoted locally, unless it is the version that was rolled back here: it stays withdrawn until MLflow names
        another. A broken local pointer is healed. When MLflow is away, or is not installed, the cached champion stands in.

        Raises:
            RegistryAway: MLflow is away and nothing is cached.
            StateMissing: MLflow knows no such model or alias and nothing is cached.
            ArtifactBroken: what MLflow holds is damaged and nothing is cached.
        """
        data_dir = self.settings.data_dir
        cached: ChampionRef | None = None
        with contextlib.suppress(ArtifactBroken):  # safe: a broken pointer counts as no cache, and the fetch below replaces it
            cached = local_models.champion(data_dir, name)
        try:
            with conversation(self.settings, create=False) as client:
                found = client.get_model_version_by_alias(name, alias)
                ref = VersionRef(version=str(found.version), run_id=str(found.run_id))
                if cached is not None and alias == CHAMPION:
                    here = local_models.model_folder(data_dir, name, cached.ref)
                    if ref == cached.ref:
                        return Fetched(ref, here)
                    if ref == cached.withdrawn:
                        return Fetched(cached.ref, here, reason=f"{name} version {ref.version} was rolled back here; register another.")
                folder = self._download(client, name, ref)
        except (RegistryAway, StateMissing, ArtifactBroken) as error:
            if cached is None or alias != CHAMPION:
                raise
            return Fetched(cached.ref, local_models.model_folder(data_dir, name, cached.ref), degraded=True, reason=str(error))
        if alias == CHAMPION:
            local_models.promote(data_dir, name, ref, promoted_at=_created(found))
        return Fetched(ref, folder, changed=True)

    def fetch_beside(self, name: str, *, alias: str | None = None, version: str | None = None) -> Fetched:
        """Bring a version to the local cache without promoting it, for an arm of an experiment; an alias is kept with it.

        Args:
            name: of the model.
            alias: of the version in MLflow, such as `challenger`; or
            version: its number.

        Raises:
            RegistryAway: MLflow is away.
            StateMissing: MLflow knows no such model, alias or version.
            ArtifactBroken: what MLflow holds is damaged.
        """
        with conversation(self.settings, create=False) as client:
            found = client.get_model_version(name, version) if alias is None else client.get_model_version_by_alias(name, alias)
            ref = VersionRef(version=str(found.version), run_id=str(found.run_id))
            folder = self._download(client, name, ref)
        if alias is not None:
            spare_models.name_alias(folder.parent, f"@{alias}", ref.label)
        return Fetched(ref, folder, changed=True)

    def rollback(self, name: str, *, promoted_at: datetime) -> Fetched:
        """Return to the previous champion here at once, then in MLflow if it answers.

        Raises:
            StateMissing: there is no earlier champion.
            ArtifactBroken: the earlier champion is damaged.
        """
        back = local_models.rollback(self.settings.data_dir, name, promoted_at=promoted_at)
        done = Fetched(back.ref, local_models.model_folder(self.settings.data_dir, name, back.ref), changed=True)
        try:
            with conversation(self.settings, create=False) as client:
                same = client.get_model_version(name, back.version).run_id == back.run_id
                if same:
                    self._move_aliases(client, name, back.ref)
        except (RegistryAway, StateMissing) as error:
            # Safe: the pointer remembers what was withdrawn, so the next fetch does not bring it back.
            return replace(done, degraded=True, reason=str(error))
        return (
            done if same else replace(done, reason=f"MLflow's {name} version {back.version} is another model; its aliases were left alone.")
        )

    def _download(self, client: MlflowClient, name: str, ref: VersionRef) -> Path:
        from mlflow.artifacts import download_artifacts

        source = client.get_model_version_download_uri(name, ref.version)
        with tempfile.TemporaryDirectory() as files:
            found = download_artifacts(artifact_uri=f"{source}/{ARTIFACT_FOLDER}", dst_path=files, tracking_uri=self.settings.tracking_uri)
            return local_models.install(self.settings.data_dir, name, ref, Path(found))

    def _experiment(self, client: MlflowClient) -> str:
        # MLflow fixes an experiment's artifact location for ever. A data folder that was moved gets an experiment of its own instead of
        # writing to where it once was.
        name, wanted = self.settings.experiment, self.settings.artifact_location
        found = client.get_experiment_by_name(name)
        if found is not None and wanted and found.artifact_location != wanted:
            name = f"{name} ({content_hash(wanted)[:8]})"
            found = client.get_experiment_by_name(name)
        return str(found.experiment_id if found is not None else client.create_experiment(name, artifact_location=wanted or None))

    @staticmethod
    def _ensure_model(client: MlflowClient, name: str) -> None:
        from mlflow.exceptions import MlflowException

        try:
            client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    @staticmethod
    def _move_aliases(client: MlflowClient, name: str, ref: VersionRef) -> None:
        old = client.get_registered_model(name).aliases.get(CHAMPION)
        if old is not None and str(old) != ref.version:
            client.set_registered_model_alias(name, PREVIOUS, str(old))
        client.set_registered_model_alias(name, CHAMPION, ref.version)


def _created(version: Any) -> datetime:  # noqa: ANN401 - an MLflow ModelVersion
    return datetime.fromtimestamp(version.creation_timestamp / 1000, tz=UTC)
