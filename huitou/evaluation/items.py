"""`huitou evaluate items`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from huitou.evaluation.options import (
    DEFAULT_BUDGET,
    DEFAULT_SEED,
    Budget,
    Fixed,
    Html,
    Json,
    Only,
    Seed,
    StudyOptions,
    Threads,
    Track,
)

Split = Annotated[Path, typer.Option(help="Pairs of ids, one a line, or one user a line followed by items; also gzipped.")]
Tune = Annotated[
    Path | None,
    typer.Option(
        help="Pairs on which settings are chosen; without it a part of the training pairs is hidden for that.", show_default=False
    ),
]


def items(
    train: Split,
    test: Split,
    tune: Tune = None,
    json: Json = None,
    html: Html = None,
    seed: Seed = DEFAULT_SEED,
    budget: Budget = DEFAULT_BUDGET,
    settings: Fixed = None,
    only: Only = None,
    threads: Threads = 2,
    mlflow: Track = False,
) -> None:
    """Which item a user takes next: tuned ALS beside popularity, item neighbours and EASE.

    All items are ranked for every user with test pairs. The test pairs are only judged by; the same pair in two splits is an error.
    """
    from huitou.evaluation.running import run
    from training.studies.items.study import ItemsStudy

    run(ItemsStudy(train, test, tune, seed=seed), StudyOptions(json, html, seed, budget, settings, tuple(only or ()), threads, mlflow))
