"""`huitou fetch`: bring the champions that MLflow names to this machine, or one version for an arm of an experiment."""

from __future__ import annotations

from typing import Annotated

import typer

from features.errors import HuitouError
from huitou.console import output
from huitou.options import DataDir, feature_settings


def fetch(
    model: Annotated[str | None, typer.Argument(help="With --alias or --version: which model.", show_default=False)] = None,
    alias: Annotated[str | None, typer.Option(help="MLflow's alias of the version, such as challenger.", show_default=False)] = None,
    version: Annotated[str | None, typer.Option(help="Number of the version in MLflow.", show_default=False)] = None,
    data_dir: DataDir = None,
) -> None:
    """Bring the models that MLflow calls champion to this machine's disk, from which a running service takes them up by itself.

    `huitou serve` does this whenever MLflow names another champion (HUITOU_REGISTRY_SECONDS). What was rolled back here stays withdrawn
    until MLflow names another version. Files are checked before a model becomes champion.

    With a model and `--alias` or `--version` that one version is brought and does not become champion: an arm of an experiment may name it.
    """
    from serving.live_models import KINDS
    from training.champion_aliases import new_champions
    from training.registry import Registry
    from training.settings import TrainingSettings

    settings, problems = TrainingSettings.beside(feature_settings(data_dir)), []
    if model is not None or alias is not None or version is not None:
        if model is None or model not in KINDS or (alias is None) == (version is None):
            raise typer.BadParameter(f"name a model ({', '.join(KINDS)}) and either --alias or --version.", param_hint="MODEL")
        brought = Registry(settings).fetch_beside(model, alias=alias, version=version)
        output().print(f"{model}: version {brought.ref.label} lies here now; an arm of an experiment may name it.", markup=False)
        return
    for name in new_champions(settings, KINDS):
        found = Registry(settings).fetch(name)
        if found.degraded:
            problems.append(f"{name}: {found.reason}")
        else:
            output().print(f"{name}: version {found.ref.version} is champion here now.", markup=False)
    if problems:
        raise HuitouError("; ".join(problems))
