"""`huitou evaluate policy`: what other policies would have earned on the decisions that were logged."""

from __future__ import annotations

import textwrap
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table as Grid

from features.errors import HuitouError
from huitou.console import output, steps
from huitou.evaluation.lines import figure
from huitou.evaluation.logged_rows import logged_rows
from huitou.evaluation.options import DEFAULT_SEED, Json, Seed
from huitou.options import DataDir, Now, clock, feature_settings

if TYPE_CHECKING:
    from training.evaluation.policy.candidates import Candidate
    from training.evaluation.policy.policy_comparison import Figure, PolicyComparison, PolicyLine

Choice = TypeVar("Choice", bound=StrEnum)

_WIDTH = 116  # of sentences
_COLUMNS = (
    "policy", "DR", "95 %", "DR −\nlogged", "95 %", "clipped\nDR", "SNIPS", "IPS", "DM", "sends", "effective\ndecisions",
)  # fmt: skip
Files = Annotated[
    list[Path] | None, typer.Option("--policy", help="A policy file to judge; may be given several times.", show_default=False)
]
Rankings = Annotated[
    list[str] | None,
    typer.Option("--ranking", help="The policy in force with another ranking; may be given several times.", show_default=False),
]
Shares = Annotated[
    list[float] | None,
    typer.Option(
        "--exploration", min=0, max=1, help="The policy in force with another exploration share; several times.", show_default=False
    ),
]
HoldoutsOption = Annotated[
    str,
    typer.Option(
        "--holdouts",
        help="`drawn`: model control by what it was drawn from, the universal holdout left out; `design`: both by the probabilities of the "
        "whole design, exact where a customer's state does not depend on earlier messages; `left_out`: neither.",
    ),
]


def policy(
    policies: Files = None,
    ranking: Rankings = None,
    exploration: Shares = None,
    data_dir: DataDir = None,
    holdouts: HoldoutsOption = "drawn",
    reward_model: Annotated[str, typer.Option(help="Of DM and DR: `ridge` or `trees` (LightGBM), cross-fitted by customer.")] = "ridge",
    clip: Annotated[
        float | None, typer.Option(help="Weight beyond which clipped DR cuts. [default: root of the decisions]", show_default=False)
    ] = None,
    now: Now = None,
    json: Json = None,
    seed: Seed = DEFAULT_SEED,
) -> None:
    """Judge policies on logged decisions: value a decision, 95 % interval, paired difference to the policy that decided.

    Without options: the policy in force, "always nothing" and "uniform" beside what was logged. Money is what the customer's orders left
    within the horizon, less coupons and the message; only decisions whose horizon is over are judged. A policy of which the log can say
    nothing gets no figure but the reason.
    """
    from training.datasets.decision_rows import HoldoutRows
    from training.evaluation.policy.candidates import LOGGED
    from training.evaluation.policy.policy_comparison import compare_policies
    from training.evaluation.policy.reward_model import RewardModel

    rule, model = _one_of(HoldoutRows, holdouts, "--holdouts"), _one_of(RewardModel, reward_model, "--reward-model")
    if clip is not None and clip <= 0:
        raise typer.BadParameter("must be above 0.", param_hint="--clip")
    settings = feature_settings(data_dir)
    candidates = named_candidates(settings.data_dir, policies or [], ranking or [], exploration or [])
    with steps(2) as progress:
        with progress.step("decisions and what came of them"):
            rows = logged_rows(settings, rule, clock(now))
        with progress.step(f"{len(candidates)} policies on {len(rows.records):,} decisions"):
            table = compare_policies(rows, candidates, champion=LOGGED, holdouts=rule, model=model, clip=clip, seed=seed)
    show(table)
    if json:
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_text(table.model_dump_json(indent=1) + "\n", encoding="utf-8")
        output().print(f"Written: {json}")


def named_candidates(data_dir: Path, files: list[Path], rankings: list[str], shares: list[float]) -> list[Candidate]:
    """What was logged, the policy in force, the two that need no file, and those asked for; names differ.

    Raises:
        HuitouError: a file cannot be read, or two candidates have one name.
        typer.BadParameter: there is no such ranking.
    """
    from features.decisions.policy import FILE, Ranking, load_policy
    from training.evaluation.policy.candidates import LOGGED, NOTHING, UNIFORM, Candidate

    in_force = load_policy(data_dir / FILE)
    found = [Candidate(LOGGED), Candidate("in force", in_force), Candidate(NOTHING), Candidate(UNIFORM)]
    for path in files:
        if not path.is_file():
            raise HuitouError(f"--policy {path} is no file.")
        found.append(Candidate(str(path), load_policy(path)))
    asked: list[tuple[str, dict[str, Any]]] = [
        (f"ranking {name}", {"ranking": _one_of(Ranking, name, "--ranking").value}) for name in rankings
    ]
    asked += [(f"exploration {share:g}", {"exploration": {"share": share}}) for share in shares]
    found += [Candidate(name, in_force.changed(changes)) for name, changes in asked]
    twice = [one.name for at, one in enumerate(found) if one.name in {other.name for other in found[:at]}]
    if twice:
        raise HuitouError(f"{twice[0]} was given twice.")
    return found


def show(table: PolicyComparison) -> None:
    """Print the table: money a decision by DR and SNIPS, the difference to what was logged, what the log can say at all."""
    span = f"{table.first:%Y-%m-%d} to {table.last:%Y-%m-%d}"
    output().print(
        f"[bold]policies[/]  {table.decisions:,} decisions on {table.customers:,} customers, {span}, money within "
        f"{table.horizon_days} days; "
        f"seed {table.seed}, holdouts {table.holdouts}, reward model {table.reward_model}",
        soft_wrap=True,
    )
    grid = Grid(box=SIMPLE, pad_edge=False)
    for at, name in enumerate(_COLUMNS):
        grid.add_column(name, justify="left" if at == 0 else "right")
    for line in table.policies:
        grid.add_row(*_cells(line))
    output().print(grid)
    for line in table.policies:
        for said in [line.refusal] if line.refusal else line.warnings:
            output().print(f"{escape(line.name)}: {escape(said)}", soft_wrap=True)
    left_out = ", ".join(f"{count:,} {reason}" for reason, count in table.left_out.items())
    if left_out:
        output().print(f"Not judged: {left_out}.", soft_wrap=True)
    for sentence in textwrap.wrap(table.caveat, _WIDTH):
        output().print(sentence)


def _cells(line: PolicyLine) -> list[str]:
    dr, difference = line.value.get("dr"), line.difference.get("dr")
    return [
        escape(line.name),
        _value(dr),
        _bounds(dr),
        _value(difference),
        _bounds(difference),
        *(_value(line.value.get(name)) for name in ("clipped_dr", "snips", "ips", "dm")),
        f"{line.sent:.0%}",
        f"{line.effective_size:,.0f}",
    ]


def _value(found: Figure | None) -> str:
    return figure(found.value if found else None)


def _bounds(found: Figure | None) -> str:
    return "" if found is None or found.low is None else f"{figure(found.low)} to {figure(found.high)}"


def _one_of(kind: type[Choice], told: str, option: str) -> Choice:
    try:
        return kind(told)
    except ValueError as error:
        raise typer.BadParameter(f"{told!r} is none of {', '.join(kind)}.", param_hint=option) from error
