"""`huitou train`: judge, refit and register models."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from huitou.console import Steps, errors, output, steps
from huitou.options import DataDir, Force, Now, clock, feature_settings

if TYPE_CHECKING:
    from training.pipeline import Trained

Models = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="MODEL",
        help="return_hazard, value, repurchase, items, bundles, channel_churn, offer_effect; all of them when none is named.",
        show_default=False,
    ),
]


def train(
    models: Models = None,
    data_dir: DataDir = None,
    now: Now = None,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 20170101,
    force: Force = False,
) -> None:
    """Train models: judge them beside their baselines on weeks they have not seen, then refit on everything and register the champion.

    Runs and models are recorded in MLflow (DATA_DIR/mlflow.db); look at them with
    `mlflow ui --backend-store-uri sqlite:///DATA_DIR/mlflow.db`. A model whose inputs have not changed is not trained again.
    """
    from features.warehouse import current_warehouse
    from huitou.tables import models_table
    from training.pipeline import MODELS
    from training.pipeline import train as train_models
    from training.recipe import TrainingData
    from training.registry import Registry
    from training.settings import TrainingSettings

    chosen = list(dict.fromkeys(models or MODELS))
    unknown = [name for name in chosen if name not in MODELS]
    if unknown:
        raise typer.BadParameter(f"no model {', '.join(unknown)}; choose from {', '.join(MODELS)}.", param_hint="MODEL")
    settings = feature_settings(data_dir)
    warehouse = current_warehouse(settings)  # put together anew where somebody withdrew their consent since
    data = TrainingData(settings, warehouse, clock(now) or warehouse.last_event, seed)
    with steps(len(chosen)) as progress:
        results = train_models(chosen, data, Registry(TrainingSettings.beside(settings)), ProgressWatcher(progress), force=force)
    output().print(models_table(results))
    for result in results:
        if result.reason:
            errors().print(f"[yellow]{result.name} was not trained:[/] {result.reason}")
    done = sum(r.version is not None for r in results)
    output().print(f"{done} of {len(results)} models are champions in {settings.data_dir}. Next: huitou serve")
    if done == 0:
        raise typer.Exit(1)


class ProgressWatcher:
    """Shows the pipeline's progress as steps."""

    def __init__(self, progress: Steps) -> None:
        self._progress = progress
        self._step = contextlib.ExitStack()

    def begin(self, model: str) -> None:
        """See `training.pipeline.Watcher`."""
        self._step.enter_context(self._progress.step(f"train {model}"))

    def tell(self, part: str) -> None:
        """See `training.pipeline.Watcher`."""
        self._progress.tell(part)

    def end(self, result: Trained) -> None:
        """See `training.pipeline.Watcher`."""
        self._progress.tell("unchanged" if result.reused else "")
        self._step.close()
