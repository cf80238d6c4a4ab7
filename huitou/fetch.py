"""`huitou fetch`: bring the champions that MLflow names to this machine."""

from __future__ import annotations

from features.errors import HuitouError
from huitou.console import output
from huitou.options import DataDir, feature_settings


def fetch(data_dir: DataDir = None) -> None:
    """Bring the models that MLflow calls champion to this machine's disk, from which a running service takes them up by itself.

    `huitou serve` does this whenever MLflow names another champion (HUITOU_REGISTRY_SECONDS). What was rolled back here stays withdrawn
    until MLflow names another version. Files are checked before a model becomes champion.
    """
    from serving.live_models import KINDS
    from training.champion_aliases import new_champions
    from training.registry import Registry
    from training.settings import TrainingSettings

    settings, problems = TrainingSettings.beside(feature_settings(data_dir)), []
    for name in new_champions(settings, KINDS):
        found = Registry(settings).fetch(name)
        if found.degraded:
            problems.append(f"{name}: {found.reason}")
        else:
            output().print(f"{name}: version {found.ref.version} is champion here now.", markup=False)
    if problems:
        raise HuitouError("; ".join(problems))
