"""`huitou evaluate uplift`: whom does it pay to treat?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.errors import HuitouError
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
from huitou.options import DataDir, feature_settings

if TYPE_CHECKING:
    from training.studies.study import Study
    from training.studies.uplift.experiment_file import Columns

_FOLD_SEED = 123  # of the published folds; see docs/evidence.md


def uplift(
    data: Annotated[
        Path | None,
        typer.Option(help="The experiment: one row per person (CSV and its kin, gzip, Parquet, Excel). Without it: the imported history."),
    ] = None,
    treatment: Annotated[str | None, typer.Option(help="Column that says who was treated how.", show_default=False)] = None,
    treated: Annotated[str | None, typer.Option(help="Its value for the treatment.", show_default=False)] = None,
    control: Annotated[
        str | None, typer.Option(help="Its value for those left alone. Rows of other arms are left out.", show_default=False)
    ] = None,
    outcome: Annotated[
        str | None,
        typer.Option(help="Column that the treatment should raise: 0 and 1, yes and no, or a number.", show_default=False),
    ] = None,
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
    experiment: Annotated[str | None, typer.Option(help="Which of the history's experiments.", show_default=False)] = None,
    data_dir: DataDir = None,
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

    Without --data the imported history is asked: an experiment in it is judged in the same way. With none, nothing is said of uplift;
    the experiment that would be needed is, and who answers a mailing is forecast and judged out of time as what it is, a response.
    """
    from huitou.evaluation.running import run
    from training.studies.uplift.study import UpliftStudy

    given = {"--treatment": treatment, "--treated": treated, "--control": control, "--outcome": outcome}
    study = _of_history(data_dir, given, experiment) if data is None else UpliftStudy(data, _columns(given, {}))
    if isinstance(study, UpliftStudy):
        columns = replace(study.columns, ignore=_names(ignore), known=_names(known))
        study = replace(study, columns=columns, cost=cost, value=value, folds=folds, repeats=repeats, fold_seed=fold_seed)
    run(study, StudyOptions(json, html, seed, budget, settings, tuple(only or ()), threads, mlflow))


def _of_history(data_dir: Path | None, given: dict[str, str | None], experiment: str | None) -> Study:
    """The history's experiment, else who answers its mailings."""
    from features.warehouse import current_warehouse
    from training.studies.mailings.study import MailingStudy
    from training.studies.uplift.history import has_experiment, needed_experiment
    from training.studies.uplift.study import UpliftStudy

    warehouse = current_warehouse(feature_settings(data_dir))  # without whoever withdrew their consent
    if has_experiment(warehouse):
        return UpliftStudy(warehouse, _columns(given, {"--treatment": "treatment"}), experiment=experiment)
    if not warehouse.report["rows"]["contacts"]:
        raise HuitouError(" ".join(needed_experiment(warehouse)))
    return MailingStudy(warehouse, warehouse.last_event)


def _columns(given: dict[str, str | None], fixed: dict[str, str]) -> Columns:
    from training.studies.uplift.experiment_file import Columns

    told = {name: value or fixed.get(name) or "" for name, value in given.items()}
    missing = [name for name, value in told.items() if not value]
    if missing:
        raise typer.BadParameter(f"an experiment needs {', '.join(missing)} too.", param_hint=missing[0])
    return Columns(told["--treatment"], told["--treated"], told["--control"], told["--outcome"])


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())
