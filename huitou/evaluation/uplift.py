"""`huitou evaluate uplift`: whom does it pay to treat?"""

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

_FOLD_SEED = 123  # of the published folds; see docs/evidence.md


def uplift(
    data: Annotated[Path, typer.Option(help="The experiment: one row per person (CSV and its kin, gzip, Parquet, Excel).")],
    treatment: Annotated[str, typer.Option(help="Column that says who was treated how.")],
    treated: Annotated[str, typer.Option(help="Its value for the treatment.")],
    control: Annotated[str, typer.Option(help="Its value for those left alone. Rows of other arms are left out.")],
    outcome: Annotated[str, typer.Option(help="Column that the treatment should raise: 0 and 1, yes and no, or a number.")],
    ignore: Annotated[
        str | None,
        typer.Option(help="Columns, with commas, that were not known before the treatment: other outcomes, ids.", show_default=False),
    ] = None,
    known: Annotated[
        str | None,
        typer.Option(help="Columns, with commas, that were known before although they look like outcomes.", show_default=False),
    ] = None,
    cost: Annotated[float, typer.Option(min=0, help="Of treating one person.")] = 0.0,
    value: Annotated[float, typer.Option(help="Of one unit of the outcome.")] = 1.0,
    folds: Annotated[int, typer.Option(min=2, max=20, help="Of the cross-validation.")] = 5,
    repeats: Annotated[int, typer.Option(min=1, max=100, help="How often the folds are dealt anew.")] = 10,
    fold_seed: Annotated[int, typer.Option(help="Of the folds; all rows share them.")] = _FOLD_SEED,
    json: Json = None,
    html: Html = None,
    seed: Seed = DEFAULT_SEED,
    budget: Budget = DEFAULT_BUDGET,
    settings: Fixed = None,
    only: Only = None,
    threads: Threads = 2,
    mlflow: Track = False,
) -> None:
    """Learn whom to treat from a randomised experiment, and say what it would be worth.

    Response model, two models, S-, X- and DR-learner on LightGBM and our own choice score the same hidden people in repeated
    cross-validation. Whether the arms were dealt by chance is looked at first; without chance no figure here would be an effect. With
    any --budget but 0 the peers' trees are sized within every fold's training rows, as our own is.
    """
    from huitou.evaluation.running import run
    from training.studies.uplift.experiment_file import Columns
    from training.studies.uplift.study import UpliftStudy

    study = UpliftStudy(
        data=data,
        columns=Columns(treatment, treated, control, outcome, ignore=_names(ignore), known=_names(known)),
        cost=cost,
        value=value,
        folds=folds,
        repeats=repeats,
        fold_seed=fold_seed,
    )
    run(study, StudyOptions(json, html, seed, budget, settings, tuple(only or ()), threads, mlflow))


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())
