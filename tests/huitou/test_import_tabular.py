"""`huitou import tabular` as it is typed."""

from __future__ import annotations

import gzip
import os
import time
from pathlib import Path

import polars as pl
import pytest

from features.settings import FeatureSettings
from features.warehouse import open_warehouse
from tests.features.sources.tabular.files import CLEAN, write
from tests.huitou.commands import run

EVIDENCE = Path(os.environ.get("HUITOU_EVIDENCE_DIR", str(Path(__file__).parents[3] / "shared" / "data")))


def evidence(name: str) -> Path:
    path = EVIDENCE / name
    if not path.exists():
        pytest.skip(f"{name} is not here (HUITOU_EVIDENCE_DIR): the published files' counts are not checked")
    return path
