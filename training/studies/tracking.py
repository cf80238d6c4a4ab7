"""Records a study in MLflow: one run for the table, one below it for every row."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from training.run_record import flattened, lawful_name
from training.settings import TrainingSettings
from training.studies.study import Row, Table
from training.tracking_client import conversation

if TYPE_CHECKING:
    from mlflow import MlflowClient

_LONGEST_VALUE = 5000  # characters; MLflow takes 6,000


def record_table(table: Table, files: list[Path], settings: TrainingSettings) -> str:
    """Record a table; returns the id of the run that stands for it.

    Args:
        table: what was measured.
        files: JSON and page, kept with the run.
        settings: where MLflow is; the experiment is `<experiment>-evaluate`.

    Raises:
        RegistryAway: MLflow cannot be reached or refused.
    """
    with conversation(settings, create=True) as client:
        experiment = _experiment(client, settings)
        tags = {"study": table.study, "dataset": table.dataset, "mlflow.note.content": table.protocol[:_LONGEST_VALUE]}
        whole = client.create_run(experiment, run_name=f"evaluate {table.study}: {table.dataset}", tags=tags)
        _log(client, whole.info.run_id, next(row for row in table.rows if row.model == table.own))
        for path in files:
            client.log_artifact(whole.info.run_id, str(path))
        for row in table.rows:
            below = client.create_run(experiment, run_name=row.model, tags={**tags, "mlflow.parentRunId": whole.info.run_id})
            _log(client, below.info.run_id, row)
            client.set_terminated(below.info.run_id, "FAILED" if row.reason else "FINISHED")
        client.set_terminated(whole.info.run_id)
    return str(whole.info.run_id)


def _experiment(client: MlflowClient, settings: TrainingSettings) -> str:
    name = f"{settings.experiment}-evaluate"
    known = client.get_experiment_by_name(name)
    return str(known.experiment_id if known else client.create_experiment(name, artifact_location=settings.artifact_location or None))


def _log(client: MlflowClient, run_id: str, row: Row) -> None:
    from mlflow.entities import Metric, Param

    bounds = {f"{metric}.{side}": bound for metric, pair in row.interval.items() for side, bound in zip(("low", "high"), pair, strict=True)}
    costs = {"fit_s": row.fit_s, "predict_s": row.predict_s, "tune_s": row.tune_s, "peak_mb": row.peak_mb}
    metrics = [Metric(lawful_name(k), float(v), 0, 0) for k, v in {**row.metrics, **bounds, **costs}.items()]
    parameters = [Param(lawful_name(k), str(v)[:_LONGEST_VALUE]) for k, v in flattened({"model": row.model, **row.settings}).items()]
    client.log_batch(run_id, metrics=metrics[:1000], params=parameters[:100])
