"""`huitou explain`: everything about one customer, for a person to read."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from features.errors import HuitouError
from huitou.console import errors, fitted, page_console
from huitou.language import Language, language_of
from huitou.options import DataDir, Now, serving_settings

if TYPE_CHECKING:
    from huitou.explanation.explanation import Explanation
    from serving.services import Services

_CHINESE = "中文"


def explain(
    customer: Annotated[
        str, typer.Argument(metavar="CUSTOMER", help="Id of the customer; `huitou score` lists them all.", show_default=False)
    ],
    data_dir: DataDir = None,
    now: Now = None,
    channel: Annotated[
        str | None, typer.Option(help="Where an offer would be sent, e.g. email; decides its cost and consent.", show_default=False)
    ] = None,
    horizon: Annotated[int, typer.Option(min=7, max=365, help="Days that the survival curve reaches.")] = 91,
    limit: Annotated[int, typer.Option(min=1, max=20, help="Most offers.")] = 5,
    language: Annotated[
        Language | None, typer.Option(help="en or zh. [default: the locale's: LC_ALL, LC_MESSAGES or LANG]", show_default=False)
    ] = None,
    width: Annotated[
        int | None, typer.Option(min=40, help="Cells of a line. [default: the terminal's, at most 120]", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, for machines; in both languages.")] = False,
) -> None:
    """Explain one customer: portrait, survival curve, next needs, offers with their reasons, and what all of it rests on.

    Every number is what the API answers for the same customer. It reads only: nothing is sent and nothing is recorded. A model that
    was not trained leaves its part out, with the reason.
    """
    from serving.services import build_services

    with errors().status(f"Explaining {customer}"):
        services = build_services(serving_settings(data_dir, now))
        explanation = _gathered(services, customer, channel=channel, horizon=horizon, limit=limit)
    if as_json:
        typer.echo(explanation.model_dump_json(indent=2))
        return
    _print(explanation, language or language_of(os.environ), width)


def _gathered(services: Services, customer: str, *, channel: str | None, horizon: int, limit: int) -> Explanation:
    from pydantic import ValidationError

    from huitou.explanation.gathering import gather
    from huitou.explanation.nearest_ids import nearest_ids
    from serving.errors import CustomerUnknown

    try:
        return gather(services, customer, channel=channel, horizon_days=horizon, limit=limit)
    except CustomerUnknown as error:
        close = nearest_ids(customer, services.live.reader.customer_ids())
        hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
        raise HuitouError(f"Nothing is known of the customer {customer!r}.{hint} `huitou score` lists every customer.") from error
    except ValidationError as error:
        where = error.errors()[0]["loc"][0]
        if where != "channel":
            raise
        raise typer.BadParameter(f"{channel!r} is no name of a channel: up to 32 of a-z, 0-9, - and _.", param_hint="--channel") from error


def _print(explanation: Explanation, language: Language, width: int | None) -> None:
    from huitou.explanation.page import page
    from huitou.explanation.words import Words

    console = page_console(width)
    if language is Language.ZH and fitted(_CHINESE, console.encoding) != _CHINESE:
        # Question marks in place of every word would help nobody.
        errors().print(
            f"The output's encoding, {console.encoding}, has no Chinese, so this is English; PYTHONIOENCODING=utf-8 sets another."
        )
        language = Language.EN
    with console.capture() as captured:
        console.print(page(explanation, Words(language)))
    for line in captured.get().splitlines():
        sys.stdout.write(f"{fitted(line.rstrip(), console.encoding)}\n")
