"""Imports, builds and trains the made-up shop once, and keeps the folder: a second run starts at once."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.serving.fitting import fit_models
from benchmarks.serving.shop_size import ShopSize
from benchmarks.serving.shop_tables import shop_tables
from features.assumptions import install_assumptions
from features.build import build_features
from features.import_consent import ImportConsent
from features.settings import FeatureSettings
from features.warehouse import Warehouse, write_warehouse

DATA = "data"
REPORT = "prepared.json"
_ASSUMPTIONS = Path(__file__).parent / "assumptions.toml"


def prepared(size: ShopSize, out: Path, tell: Callable[[str], None]) -> Path:
    """The shop's data folder, with everything but the written offers; made if it is not there.

    Args:
        size: which shop.
        out: folder of all shops.
        tell: told each part's name and how long it took.

    Returns:
        A folder that must not be written to: a service works on a copy.
    """
    folder = out / size.name
    if (folder / REPORT).is_file():
        return folder / DATA
    aside = out / f".{folder.name}"
    shutil.rmtree(aside, ignore_errors=True)
    seconds = _make(aside / DATA, size, tell)
    (aside / REPORT).write_text(json.dumps(seconds, indent=1), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)  # whole or not at all
    return folder / DATA


def _make(data_dir: Path, size: ShopSize, tell: Callable[[str], None]) -> dict[str, float]:
    seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def part(name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        seconds[name] = round(time.perf_counter() - began, 1)
        tell(f"{name}: {seconds[name]} s")

    settings = FeatureSettings(data_dir=data_dir, threads=2)
    with part("import"):
        warehouse = imported(settings, size)
    with part("build"):
        build_features(settings)
    fit_models(settings, warehouse, size, part)
    return seconds


def imported(settings: FeatureSettings, size: ShopSize) -> Warehouse:
    """The shop's tables in the warehouse, everybody's consent stated: nobody in it exists."""
    install_assumptions(_ASSUMPTIONS, settings.data_dir)
    return write_warehouse(settings, shop_tables(size), {"source": "benchmark"}, {"size": str(size)}, consent=ImportConsent.GRANTED)
