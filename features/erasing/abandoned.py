"""What a killed writer left aside: it may hold anybody, whole or torn, and nobody will ever put it in place."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from features.settings import FeatureSettings
from features.sources.tabular.staging import FOLDER as IMPORTS

_ASIDE = ".writing"
_ELSEWHERE = ("models", "mlruns-artifacts")  # they hold nobody, and their writers do not wait for an erasure


def remove_abandoned(settings: FeatureSettings) -> None:
    """Delete every folder and file that was written aside. Only while no writer is at work: `features.sweep_lock.sweeping`."""
    for root in (settings.imported_dir, settings.folded_dir, settings.warehouse_dir, settings.features_dir, settings.online_dir):
        for folder in root.glob(f"{_ASIDE}-*"):
            shutil.rmtree(folder)
    for folder in (settings.data_dir / IMPORTS).glob(f"{_ASIDE}-*"):
        shutil.rmtree(folder)
    for path in list(_files_aside(settings.data_dir)):
        path.unlink(missing_ok=True)  # safe: the service may have finished its own just now


def _files_aside(data_dir: Path) -> Iterator[Path]:
    for path in data_dir.rglob(f"*{_ASIDE}"):
        if path.is_file() and path.relative_to(data_dir).parts[0] not in _ELSEWHERE:
            yield path
