"""`huitou evaluate bundles`."""

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


def bundles(
    directory: Annotated[
        Path,
        typer.Option(
            "--dir",
            help="Folder with user_bundle_train.txt and user_bundle_test.txt, a pair of ids a line; user_bundle_tune.txt, user_item.txt "
            "and bundle_item.txt are read where they exist.",
        ),
    ],
    json: Json = None,
    html: Html = None,
    seed: Seed = DEFAULT_SEED,
    budget: Budget = DEFAULT_BUDGET,
    settings: Fixed = None,
    only: Only = None,
    threads: Threads = 2,
    mlflow: Track = False,
) -> None:
    """Which bundle a user takes next: stacked ALS and its re-ranked form beside popularity, ALS and EASE.

    All bundles are ranked for every user with test pairs. Settings are chosen on the tune file, or on a part of the training pairs where
    there is none; the test pairs are only judged by. The same pair in two splits is an error.
    """
    from huitou.evaluation.running import run
    from training.studies.bundles.study import BundlesStudy

    run(BundlesStudy(directory, seed=seed), StudyOptions(json, html, seed, budget, settings, tuple(only or ()), threads, mlflow))
