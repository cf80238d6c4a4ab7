"""`huitou policy`: the policy in force, and how another takes its place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from features.errors import HuitouError
from huitou.actor import command_actor
from huitou.console import output, steps
from huitou.evaluation.logged_rows import logged_rows
from huitou.evaluation.options import DEFAULT_SEED, Seed
from huitou.options import DataDir, Now, clock, feature_settings

app = typer.Typer(no_args_is_help=True, help="The policy that decides.")


@app.callback()
def callback() -> None:
    """The policy that decides."""


@app.command("show")
def show(data_dir: DataDir = None) -> None:
    """Print the policy in force, with its version, as JSON."""
    from features.decisions.policy import FILE, load_policy

    policy = load_policy(feature_settings(data_dir).data_dir / FILE)
    output().print(policy.version, markup=False, highlight=False)
    typer.echo(policy.model_dump_json(indent=1))


@app.command("promote")
def promote(
    file: Annotated[Path, typer.Argument(help="The policy file that is to take the place of the one in force.")],
    data_dir: DataDir = None,
    now: Now = None,
    seed: Seed = DEFAULT_SEED,
) -> None:
    """Put a policy in force, if the logged decisions say that it is better and harms nobody; otherwise say why not.

    Better: the whole 95 % interval of DR's difference to the policy in force is above 0. No harm: its unsubscriptions exceed the other's by
    at most 1 point, and its orders within 90 days fall behind by at most 2, for certain. `policy.toml` in the data folder is replaced at
    once, and the audit log says by whom, from what, to what and on which figures.
    """
    from features.decisions.policy import FILE, load_policy
    from features.decisions.policy_file import install_policy
    from features.ledger import audit
    from features.ledger.ledger import open_ledger
    from training.datasets.decision_rows import HoldoutRows
    from training.evaluation.policy.candidates import Candidate
    from training.evaluation.policy.gate import judge_promotion

    if not file.is_file():
        raise HuitouError(f"{file} is no file.")
    settings = feature_settings(data_dir)
    text = file.read_text(encoding="utf-8")
    candidate, champion = load_policy(file), load_policy(settings.data_dir / FILE)
    with steps(1) as progress, progress.step("both policies on the logged decisions"):
        rows = logged_rows(settings, HoldoutRows.DRAWN, clock(now))
        verdict = judge_promotion(rows, Candidate("candidate", candidate), Candidate("champion", champion), seed=seed)
    for one in verdict.guardrails:
        output().print(f"{'kept' if one.kept else 'not kept'}: {escape(one.sentence)}", soft_wrap=True)
    if not verdict.promoted:
        raise HuitouError(f"{file} was not put in force: {' '.join(verdict.reasons)}")
    figures = {one.name: [one.difference, one.low, one.high] for one in verdict.guardrails}
    said = {"from": champion.version, "to": candidate.version, "decisions": verdict.decisions, "differences": figures}
    ledger = open_ledger(settings)
    try:
        with ledger.database.writing() as connection:
            audit.record(connection, "policy_promoted", at=ledger.clock(), actor=command_actor(), detail=said)
            target = install_policy(text, settings.data_dir)  # within the transaction: a file that cannot be written leaves no entry
    finally:
        ledger.close()
    output().print(f"{escape(candidate.version)} is in force in place of {escape(champion.version)}: {target}")
