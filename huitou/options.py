"""Options that several commands share, and the settings built from them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from features.errors import HuitouError
from features.import_consent import ImportConsent
from features.settings import FeatureSettings
from huitou.console import errors, output

if TYPE_CHECKING:
    from serving.settings import ServingSettings

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
Consent = Annotated[
    ImportConsent,
    typer.Option(
        "--consent",
        help="What you state of these customers: `granted`, they agreed to personalisation, marketing and profiling; `unknown`, only what "
        "they said themselves counts, and of the others nothing personal is kept, computed or sent.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Do it again even when nothing has changed.")]


def feature_settings(data_dir: Path | None) -> FeatureSettings:
    """Settings of the ground floor: the option wins over the environment."""
    return FeatureSettings() if data_dir is None else FeatureSettings(data_dir=data_dir)


def tell_consent(consent: ImportConsent) -> None:
    """Say what follows from what was stated."""
    if consent is ImportConsent.GRANTED:
        output().print("Consent: you state that these customers agreed; whoever withdraws (PUT /v1/consents) is left out from then on.")
    else:
        errors().print(
            "[yellow]Consent: nothing is stated, so only customers who said yes themselves are kept by name; the others' sales count as "
            "nobody's. If your customers agreed, import again with --consent granted.[/]"
        )


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


def serving_settings(data_dir: Path | None, now: str | None, **given: str | int | None) -> ServingSettings:
    """Settings of the top floor: options win over the environment.

    Raises:
        HuitouError: a setting is not allowed, e.g. an address beyond loopback.
    """
    from serving.settings import ServingSettings

    options = {"data_dir": data_dir, "now": clock(now), **given}
    try:
        return ServingSettings.model_validate({name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        raise HuitouError(f"Setting {'.'.join(map(str, first['loc']))}: {first['msg'].removeprefix('Value error, ')}") from error
