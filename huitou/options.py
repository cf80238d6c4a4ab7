"""Options that several commands share, and the settings built from them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from features.settings import FeatureSettings

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder that holds everything huitou writes. [default: HUITOU_DATA_DIR or ./data]", show_default=False),
]
Now = Annotated[
    str | None,
    typer.Option(
        "--now",
        help="The clock, ISO 8601 (2017-12-24 or 2017-12-24T18:00:00Z); nothing after it is seen. [default: the last event of the data]",
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Do it again even when nothing has changed.")]


def feature_settings(data_dir: Path | None) -> FeatureSettings:
    """Settings of the ground floor: the option wins over the environment."""
    return FeatureSettings() if data_dir is None else FeatureSettings(data_dir=data_dir)


def clock(text: str | None) -> datetime | None:
    """Parse `--now`; a moment without a zone is UTC.

    Raises:
        typer.BadParameter: not an ISO 8601 date or time.
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a date such as 2017-12-24 or 2017-12-24T18:00:00Z.", param_hint="--now") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
