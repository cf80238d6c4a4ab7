"""Options that every `huitou evaluate` command has."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from features.errors import HuitouError

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}
_HORIZON = re.compile(r"(\d+)\s*d?")

Json = Annotated[Path | None, typer.Option("--json", help="Also write the table as JSON.", show_default=False)]
Html = Annotated[Path | None, typer.Option("--html", help="Also write a page with plots.", show_default=False)]
Seed = Annotated[int, typer.Option("--seed", help="Of everything random.")]
Budget = Annotated[
    str,
    typer.Option(
        "--budget",
        help="Time that each model and baseline may spend on choosing its settings: 90s, 5m, 1h; 0 takes the shipped settings. What was "
        "chosen is printed and can be fixed with --settings.",
    ),
]
Fixed = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        help='Settings that are not to be tuned: the JSON of an earlier --json, or {"model": {"setting": value}}.',
        show_default=False,
    ),
]
Only = Annotated[
    list[str] | None, typer.Option("--only", help="Run only this row and our own; may be given several times.", show_default=False)
]
Threads = Annotated[int, typer.Option("--threads", min=1, help="Most threads of a row's process.")]
Track = Annotated[bool, typer.Option("--mlflow", help="Also record the table in MLflow (HUITOU_TRACKING_URI, by default in DATA_DIR).")]

DEFAULT_SEED = 20170101
DEFAULT_BUDGET = "2m"


@dataclass(frozen=True)
class StudyOptions:
    """The options above, as a command was given them."""

    json: Path | None = None
    html: Path | None = None
    seed: int = DEFAULT_SEED
    budget: str = DEFAULT_BUDGET
    settings: Path | None = None
    only: tuple[str, ...] = ()
    threads: int = 2
    track: bool = False


def seconds(text: str) -> float:
    """Parse a time such as `90s`, `5m`, `1h` or `0`.

    Raises:
        typer.BadParameter: not a time.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip())
    if not found:
        raise typer.BadParameter(f"{text!r} is not a time such as 90s, 5m or 1h.", param_hint="--budget")
    return float(found[1]) * _UNITS[found[2]]


def horizons(text: str) -> tuple[int, ...]:
    """Parse `28d,56d`.

    Raises:
        typer.BadParameter: not a list of days.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    found = [_HORIZON.fullmatch(part) for part in parts]
    if not parts or not all(found) or any(int(match[1]) == 0 for match in found if match):
        raise typer.BadParameter(f"{text!r} is not a list of days such as 28d or 28d,56d.", param_hint="--horizon")
    return tuple(sorted({int(match[1]) for match in found if match}))


def dates(text: str, option: str) -> tuple[datetime, ...]:
    """Parse `2017-10-01,2017-10-29`; a moment without a zone is UTC.

    Raises:
        typer.BadParameter: not a list of dates.
    """
    found = []
    for part in (part.strip() for part in text.split(",") if part.strip()):
        try:
            moment = datetime.fromisoformat(part)
        except ValueError as error:
            raise typer.BadParameter(f"{part!r} is not a date such as 2017-10-01.", param_hint=option) from error
        found.append(moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC))
    if not found:
        raise typer.BadParameter("name at least one date such as 2017-10-01.", param_hint=option)
    return tuple(sorted(set(found)))


def fixed_settings(path: Path | None) -> Mapping[str, Mapping[str, Any]]:
    """Read `--settings`: an earlier table's JSON, or model → settings.

    Raises:
        HuitouError: no such file, or not of either form.
    """
    if path is None:
        return {}
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise HuitouError(f"--settings {path} is not JSON: {error}.") from error
    if isinstance(read, dict) and isinstance(read.get("rows"), list):
        read = {row["model"]: row["settings"] for row in read["rows"] if row.get("settings")}
    if not isinstance(read, dict) or not all(isinstance(value, dict) for value in read.values()):
        raise HuitouError(f'--settings {path} is neither the JSON of an earlier --json nor {{"model": {{"setting": value}}}}.')
    return read
