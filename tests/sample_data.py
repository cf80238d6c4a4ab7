"""Writes the sample shop, built and with two models trained, into a folder: what the serve-only boot serves."""

from __future__ import annotations

import sys
from pathlib import Path

from features.build import build_features
from tests.conftest import import_shop
from tests.shop import sample_tables
from training.pipeline import Trained, train
from training.recipe import TrainingData
from training.registry import Registry
from training.settings import TrainingSettings


class Silent:
    """Nobody watches."""

    def begin(self, model: str) -> None:
        """See `training.pipeline.Watcher`."""

    def tell(self, part: str) -> None:
        """See `training.pipeline.Watcher`."""

    def end(self, result: Trained) -> None:
        """See `training.pipeline.Watcher`."""


def write_sample_data(folder: Path) -> None:
    """Import, build, train."""
    settings = import_shop(folder, sample_tables())
    build_features(settings)
    from features.warehouse import open_warehouse

    warehouse = open_warehouse(settings)
    data = TrainingData(settings, warehouse, warehouse.last_event)
    results = train(("return_hazard", "items"), data, Registry(TrainingSettings.beside(settings)), Silent())
    missing = [result for result in results if result.version is None]
    if missing:
        raise SystemExit(f"not trained: {missing}")


if __name__ == "__main__":
    write_sample_data(Path(sys.argv[1]))
