"""`huitou score` of many customers beside the least it could cost: the same trees asked for the same rows, which stand ready."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl

from benchmarks.child_process import cost_of
from benchmarks.serving.figures import Figures, ratio_of
from benchmarks.serving.online_loading import many_customers, numbers_only
from benchmarks.serving.running import ROOT
from benchmarks.serving.service import copy_of
from features.feast_bytes import PROJECT, VIEW
from features.feature_sets import CUSTOMER
from features.import_consent import ImportConsent
from features.online_load import load_packed
from features.packing import Block
from features.permitted import state_import
from features.settings import FeatureSettings
from features.store import DATABASE, PACKED_FILE
from features.versions import current_folder
from training import local_models
from training.artifacts.channel_churn import ChannelChurn, StandingStill
from training.artifacts.return_hazard import ReturnHazard

_STEPS, _CHANNEL_STEPS = 26, 13  # half a year until an expected order, a quarter of staying in the channel
_BLOCK = 5_000  # customers whose rows stand ready at a time: 26 × 5,000 rows of 120 numbers are 125 MB
_GOAL, _GOAL_MB = 1.5, 3072.0


@dataclass(frozen=True)
class Used:
    """What a command used, from its start to its end.

    Attributes:
        seconds: wall time.
        cpu_seconds: of all its threads.
        peak_mb: greatest resident memory.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float


def measure_scoring(data_dir: Path, work: Path, figures: Figures, *, customers: int) -> None:
    """Score so many customers; figures and ratios go into `figures`.

    Args:
        data_dir: the prepared shop, whose customers are copied under new ids.
        work: an empty folder.
        figures: gets them.
        customers: how many.
    """
    shop = many_scored(data_dir, work, customers)
    used = _command(["score", "--data-dir", str(shop), "--out", str(work / "scores.csv")])
    written = sum(1 for _ in (work / "scores.csv").open(encoding="utf-8")) - 1
    if written != customers:
        raise RuntimeError(f"{written} of {customers} customers were scored.")
    bare = cost_of(_bare, data_dir, customers)
    figures.measured["score"] = {"customers": customers, "huitou score": asdict(used), "bare Booster.predict": asdict(bare)}
    note = f"{customers:,} customers; the command with its start, imports and CSV; bare: predicting alone, the rows stand ready."
    figures.ratios["score ÷ bare predict, CPU seconds"] = ratio_of(
        [used.cpu_seconds], [bare.cpu_seconds], goal=_GOAL, at_least=False, note=note
    )
    figures.ratios["score ÷ bare predict, seconds"] = ratio_of([used.seconds], [bare.seconds], goal=_GOAL, at_least=False, note=note)
    figures.ratios["score, peak MB"] = ratio_of([used.peak_mb], [1.0], goal=_GOAL_MB, at_least=False, note=note)


def many_scored(data_dir: Path, work: Path, customers: int, *, stated: bool = True) -> Path:
    """A data folder with so many customers online; `stated`: with everybody's consent in the ledger."""
    shop = copy_of(data_dir, work / "shop")
    settings = FeatureSettings(data_dir=data_dir)
    packed = pl.read_parquet(current_folder(settings.features_dir, remedy="prepare the shop again.") / PACKED_FILE)
    many = work / PACKED_FILE
    many_customers(numbers_only(packed), customers, many)
    database = current_folder(shop / "online", remedy="prepare the shop again.") / DATABASE
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(f'DELETE FROM "{PROJECT}_{VIEW}"')  # noqa: S608 - constants only
    load_packed(database, many)
    if stated:
        state_import(FeatureSettings(data_dir=shop), pl.read_parquet(many, columns=["customer_id"])["customer_id"], ImportConsent.GRANTED)
    return shop


def _command(arguments: list[str]) -> Used:
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "huitou", *arguments], cwd=ROOT, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"huitou {arguments[0]} ended with {process.returncode}.")
    scale = 1024 * 1024 if sys.platform == "darwin" else 1024  # Linux counts kilobytes, macOS bytes
    return Used(round(time.perf_counter() - began, 2), round(usage.ru_utime + usage.ru_stime, 2), round(usage.ru_maxrss / scale, 1))


class _Predicting:
    """Both models' trees on rows that stand ready; called, it predicts them for so many customers."""

    def __init__(self, data_dir: Path, customers: int) -> None:
        hazard, channel = ReturnHazard.load(_artifact(data_dir, "return_hazard")), ChannelChurn.load(_artifact(data_dir, "channel_churn"))
        packed = pl.read_parquet(
            current_folder(FeatureSettings(data_dir=data_dir).features_dir, remedy="prepare the shop again.") / PACKED_FILE,
            columns=["vector"],
        )
        stored = np.vstack([Block.unpack(value, feature_hash=CUSTOMER.hash).values for value in packed["vector"].head(_BLOCK)])
        self._parts: list[tuple[lgb.Booster, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]] = [
            (hazard.booster, np.vstack([hazard.path.at(stored, lead) for lead in range(_STEPS)])),
            (channel.booster, np.vstack([StandingStill().at(stored, lead) for lead in range(_CHANNEL_STEPS)])),
        ]
        self._blocks, self._rest = divmod(customers, len(stored))
        self._size = len(stored)

    def __call__(self) -> None:
        for block in range(self._blocks + 1):
            share = 1.0 if block < self._blocks else self._rest / self._size
            for booster, rows in self._parts:
                some = rows[: round(len(rows) * share)]
                if len(some):
                    booster.predict(some, num_threads=0)


def _artifact(data_dir: Path, name: str) -> Path:
    champion = local_models.champion(data_dir, name)
    assert champion is not None
    return local_models.model_folder(data_dir, name, champion.ref)


def _bare(data_dir: Path, customers: int) -> _Predicting:
    return _Predicting(data_dir, customers)
