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
    rank: Annotated[
        str, typer.Option(help="uplift, value_at_risk, or auto: uplift where effects of offers are learned, else value at risk.")
    ] = "auto",
    now: Now = None,
) -> None:
    """Export the customers who are at risk and worth it, with reasons and a holdout.

    By uplift: by what each customer's best offer is expected to save, the offer named; once effects are learned from this shop's own
    decisions, that is an effect. By value at risk: by P(leaves) × margin if they return, which is a prediction: who would return anyway is
    not in it. Either way keep the holdout group uncontacted, and compare it with the target group afterwards.

    Customers of the policy's universal holdout and of the model control are left out, counted in the last line: writing to them would end
    the comparison that says what all of this brings.
    """
    from features.sweep_lock import writing_people
    from serving.campaigns.at_risk import Rank, write_at_risk_audience
    from serving.services import build_services

    if rank not in list(Rank):
        raise typer.BadParameter(f"{rank} is none of {', '.join(Rank)}.", param_hint="--rank")
    settings = serving_settings(data_dir, now)
    with writing_people(settings.data_dir), steps(1) as progress, progress.step("at-risk audience"):
        services = build_services(settings)
        summary = write_at_risk_audience(services, horizon=horizon, size=size, holdout=holdout, seed=seed, out=out, rank=Rank(rank))
    for sentence in services.staleness().values():
        errors().print(f"[yellow]{sentence}[/]")
    caveat = "effects learned from this shop's decisions" if summary.causal else "not causal: nothing has measured yet who can be changed"
    output().print(f"{summary} ({caveat})")
