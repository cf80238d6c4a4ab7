"""`huitou campaign`: audiences for the next campaign."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from huitou.console import errors, output, steps
from huitou.options import DataDir, Now, serving_settings

app = typer.Typer(no_args_is_help=True, help="Audiences for campaigns.")


@app.callback()
def callback() -> None:
    """Audiences for campaigns."""


@app.command("at-risk")
def at_risk(
    data_dir: DataDir = None,
    horizon: Annotated[int, typer.Option(min=1, max=182, help="Days within which no order counts as leaving.")] = 28,
    size: Annotated[int, typer.Option(min=1, help="Customers in the audience, holdout included.")] = 500,
    holdout: Annotated[
        float, typer.Option(min=0.0, max=0.9, help="Share deliberately not contacted, so that the effect can be measured.")
    ] = 0.1,
    seed: Annotated[int, typer.Option(help="Draws the holdout; the same seed gives the same audience.")] = 1,
    out: Annotated[Path, typer.Option(help="CSV file to write.")] = Path("audience.csv"),
    now: Now = None,
) -> None:
    """Export the customers who are at risk and worth it: P(leaves) × margin if they return, with reasons and a holdout.

    The ranking is a prediction, not an effect: who would return anyway is not known before an experiment. Keep the holdout group
    uncontacted, and compare it with the target group afterwards.
    """
    from features.sweep_lock import writing_people
    from serving.campaigns.at_risk import write_at_risk_audience
    from serving.services import build_services

    settings = serving_settings(data_dir, now)
    with writing_people(settings.data_dir), steps(1) as progress, progress.step("at-risk audience"):
        services = build_services(settings)
        summary = write_at_risk_audience(services, horizon=horizon, size=size, holdout=holdout, seed=seed, out=out)
    for sentence in services.staleness().values():
        errors().print(f"[yellow]{sentence}[/]")
    output().print(f"{summary} (not causal: no experiment has measured who can be changed)")
