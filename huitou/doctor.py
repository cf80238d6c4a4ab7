"""`huitou doctor`: what is the matter, before it matters: with a deployment, and with a history."""

from __future__ import annotations

import os
from json import dumps as to_json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from huitou.console import output, steps
from huitou.options import DataDir, Now, clock, feature_settings

if TYPE_CHECKING:
    from datetime import datetime

    from features.settings import FeatureSettings
    from features.warehouse import Warehouse
    from huitou.console import Steps
    from training.allowances.allowance import Allowance

app = typer.Typer()
_MARK = {"ok": "[green]ok[/]     ", "warning": "[bold yellow]warning[/]", "failed": "[bold red]failed[/] ", "skipped": "[dim]skipped[/]"}


@app.callback(invoke_without_command=True)
def deployment(
    context: typer.Context,
    data_dir: DataDir = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead, for machines.")] = False,
) -> None:
    """Check a deployment and say what is wrong, with the remedy: one line a check, exit code 1 when one failed.

    Looked at are the settings, the data folder, the room on its disk, the shop's assumptions and policy, the ledger, the online state,
    the models, the clock, the worker, the keys, the service on its port, MLflow and the newest backup. Nothing is changed; a ledger or a
    service that does not answer costs a few seconds. A warning is worth knowing and no failure.
    """
    if context.invoked_subcommand is not None:
        return
    from huitou.deployment.examining import examine, is_well

    found = examine(data_dir, os.environ)
    if json:
        told = [{"check": name, "verdict": one.verdict, "says": one.says, "remedy": one.remedy} for name, one in found.items()]
        typer.echo(to_json({"well": is_well(found.values()), "checks": told}, ensure_ascii=False, indent=2))
    else:
        for name, one in found.items():
            output().print(f"{_MARK[one.verdict]}  {name:<13} {escape(f'{one.says} {one.remedy}'.strip())}")
    if not is_well(found.values()):
        raise typer.Exit(1)


@app.command("data")
def data(
    data_dir: DataDir = None,
    now: Now = None,
    html: Annotated[
        Path | None, typer.Option(help="Page to write, with plots. [default: DATA_DIR/doctor.html]", show_default=False)
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Also write everything found as JSON, for machines.", show_default=False)] = None,
) -> None:
    """Say what the imported history allows: which models, judged on which dates and for which horizons, and what is odd in the data.

    It needs nothing but an import and changes nothing. Volume, pauses, gaps between orders, concentration, quality and times are looked
    at, and every model's recipe is asked by its own rules whether it could be trained and judged: what this command says of a model is
    what `huitou train` then does. Each finding comes with what to do about it.
    """
    from features.assumptions import FILE as ASSUMPTIONS
    from features.assumptions import load_assumptions
    from features.history.examination import examine
    from features.warehouse import open_warehouse
    from huitou.diagnosis.diagnosis import Diagnosis
    from huitou.diagnosis.lines import diagnosis_lines
    from huitou.diagnosis.page import write_page

    settings, moment = feature_settings(data_dir), clock(now)
    warehouse = open_warehouse(settings)
    with steps(3) as progress:
        with progress.step("history"):
            excluded = load_assumptions(settings.data_dir / ASSUMPTIONS).catalogue.excluded_categories
            examination = examine(warehouse, moment, excluded_categories=excluded, tell=progress.tell)
        with progress.step("models"):
            allowances = _allowances(settings, warehouse, examination.now, progress)
        diagnosis = Diagnosis.of(examination, allowances)
        page = html or settings.data_dir / "doctor.html"
        with progress.step("page"):
            page.parent.mkdir(parents=True, exist_ok=True)
            write_page(diagnosis, warehouse.report.get("counts", {}), page)
            if json:
                json.parent.mkdir(parents=True, exist_ok=True)
                json.write_text(diagnosis.model_dump_json(indent=2), encoding="utf-8")
    for line in diagnosis_lines(diagnosis):
        output().print(line)
    written = f"{page} and {json}" if json else f"{page}"
    output().print(f"Plots and details: {written}. Next: {'huitou build' if any(a.allowed for a in allowances) else 'more history'}")


def _allowances(settings: FeatureSettings, warehouse: Warehouse, now: datetime | None, progress: Steps) -> list[Allowance]:
    from features.errors import TooLittleHistory
    from training.allowances.allowance import Allowance
    from training.pipeline import MODELS
    from training.recipe import TrainingData

    try:
        moment = now or warehouse.last_event
    except TooLittleHistory as error:  # what every recipe would say
        return [Allowance(model=name, allowed=False, reason=str(error)) for name in MODELS]
    from training.allowances.survey import allowances

    return allowances(TrainingData(settings, warehouse, moment, tell=progress.tell))
