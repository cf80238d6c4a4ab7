"""A table in MLflow: a run for the whole, one below it for every row, found again through MLflow's own client."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.settings import TrainingSettings
from training.studies.study import Row, Table
from training.studies.tracking import record_table
from training.tracking_client import conversation

pytestmark = pytest.mark.timeout(300)  # MLflow's first database takes a while on a busy machine


def test_a_table_is_recorded_with_its_rows(tmp_path: Path) -> None:
    table = Table(
        study="items",
        dataset="pairs.txt",
        protocol="p",
        own="ours",
        headline=["ndcg@10"],
        seed=1,
        rows=[
            Row(model="ours", metrics={"ndcg@10": 0.4}, interval={"ndcg@10": (0.3, 0.5)}, settings={"factors": 64}, fit_s=2.0),
            Row(model="EASE", reason="too many items"),
        ],
    )
    file = tmp_path / "table.json"
    file.write_text(table.model_dump_json(), encoding="utf-8")
    settings = TrainingSettings(data_dir=tmp_path)
    run_id = record_table(table, [file], settings)
    with conversation(settings, create=False) as client:
        whole = client.get_run(run_id)
        assert whole.data.metrics["ndcg_at_10"] == 0.4
        assert [f.path for f in client.list_artifacts(run_id)] == ["table.json"]
        below = client.search_runs([whole.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run_id}'")
    assert {run.info.run_name: run.info.status for run in below} == {"ours": "FINISHED", "EASE": "FAILED"}
    ours = next(run for run in below if run.info.run_name == "ours")
    assert ours.data.params == {"model": "ours", "factors": "64"}
    assert ours.data.metrics["ndcg_at_10.low"] == 0.3
