"""The churn trees alone as `mlflow models serve` takes them: with a signature (a data frame), and without one (a tensor)."""

from __future__ import annotations

import json
import shutil
import sys
import warnings
from pathlib import Path

import lightgbm as lgb
import numpy as np

WITH_SIGNATURE, TENSOR = "signature", "tensor"
_ROWS = 64  # different ones, asked in turn


def prepare_mlflow(trees: Path, folder: Path) -> None:
    """Write both models and the requests for them; what is there stays.

    Args:
        trees: LightGBM text.
        folder: gets `signature/`, `tensor/`, `signature.jsonl` and `tensor.jsonl`.
    """
    if folder.is_dir():
        return
    aside = folder.with_name(f".{folder.name}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.lightgbm
        import pandas as pd
        from mlflow.models import infer_signature

        booster = lgb.Booster(model_file=str(trees))
        names = booster.feature_name()
        rows = np.round(np.random.default_rng(1).gamma(1.0, 20.0, (_ROWS, len(names))), 3)
        frame = pd.DataFrame(rows, columns=names)
        signature = infer_signature(frame, booster.predict(frame))
        requirements = ["lightgbm"]  # stated: inferring them would load the model in another process
        mlflow.lightgbm.save_model(booster, str(aside / WITH_SIGNATURE), signature=signature, pip_requirements=requirements)
        mlflow.lightgbm.save_model(booster, str(aside / TENSOR), pip_requirements=requirements)
    split = [json.dumps({"dataframe_split": {"columns": names, "data": [row]}}) for row in rows.tolist()]
    tensor = [json.dumps({"inputs": [row]}) for row in rows.tolist()]
    (aside / f"{WITH_SIGNATURE}.jsonl").write_text("\n".join(split) + "\n", encoding="utf-8")
    (aside / f"{TENSOR}.jsonl").write_text("\n".join(tensor) + "\n", encoding="utf-8")
    aside.rename(folder)


def command(folder: Path, which: str, port: int) -> list[str]:
    """Serves one of the models with MLflow's usual settings and one worker."""
    serve = ["models", "serve", "-m", str(folder / which), "--port", str(port), "--workers", "1", "--env-manager", "local"]
    return [sys.executable, "-m", "mlflow", *serve]
