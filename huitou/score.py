"""`huitou score`: every customer's scores as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from huitou.console import errors, output, steps
from huitou.options import DataDir, Now, serving_settings


def score(
    data_dir: DataDir = None,
    out: Annotated[Path | None, typer.Option(help="File to write. [default: DATA_DIR/scores.csv]", show_default=False)] = None,
    now: Now = None,
) -> None:
    """Score every customer: churn at 14, 28, 56 and 91 days with percentiles, expected next order date, stage and value layer, as CSV."""
    from features.sweep_lock import writing_people
    from serving.campaigns.scores import score_all
    from serving.services import build_services

    settings = serving_settings(data_dir, now)
    target = out or settings.data_dir / "scores.csv"
    with writing_people(settings.data_dir), steps(1) as progress, progress.step("score"):
        services = build_services(settings)
        count = score_all(services, target)
    for sentence in services.staleness().values():
        errors().print(f"[yellow]{sentence}[/]")
    output().print(f"Scored {count:,} customers into {target}.")
