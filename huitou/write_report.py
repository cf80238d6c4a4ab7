"""`huitou report`: what was measured and what is answered, as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from huitou.console import output, steps
from huitou.options import DataDir, feature_settings


def report(
    data_dir: DataDir = None,
    out: Annotated[Path | None, typer.Option(help="File to write. [default: DATA_DIR/report.html]", show_default=False)] = None,
) -> None:
    """Write the report of the trained models: each beside its baselines, two answers of the API, assumptions, what became of the data.

    Nothing is trained: the figures are those of the last `huitou train`. The page needs no other file and no network.
    """
    from features.products import read_products
    from features.sweep_lock import writing_people
    from features.versions import current_folder
    from features.warehouse import open_warehouse
    from huitou.report.report import ReportInputs, write_report
    from huitou.visit import at_risk_and_loyal_answers, warm_api
    from training.pipeline import MODELS, trained_before

    settings = feature_settings(data_dir)
    warehouse = open_warehouse(settings)
    target = out or settings.data_dir / "report.html"
    with writing_people(settings.data_dir), steps(1) as progress, progress.step("report"):
        built = read_products(current_folder(settings.online_dir, remedy="run `huitou build` first."))
        results = [trained_before(settings.data_dir, name) for name in MODELS]
        churn = next(result for result in results if result.name == "return_hazard")
        answers: list[tuple[str, dict[str, Any]]] = []
        if churn.version:
            with warm_api(settings.data_dir) as warm:
                answers, _ = at_risk_and_loyal_answers(settings.data_dir, warm)
        write_report(ReportInputs(warehouse, built.as_of, results, answers, settings.data_dir / "assumptions.toml"), target)
    output().print(f"Report of {sum(r.version is not None for r in results)} models: {target}")
