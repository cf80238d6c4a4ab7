"""`huitou evaluate churn`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.errors import HuitouError
from huitou.evaluation.options import (
    DEFAULT_SEED,
    Budget,
    Fixed,
    Html,
    Json,
    Only,
    Seed,
    StudyOptions,
    Threads,
    Track,
    dates,
    horizons,
)
from huitou.options import feature_settings

if TYPE_CHECKING:
    from training.studies.churn.study import Source

Orders = Annotated[
    Path | None,
    typer.Option(help="Orders or order lines: text of any delimiter (gzip too), Parquet or Excel; a row each.", show_default=False),
]
Customer = Annotated[str | None, typer.Option(help="Column of the customer: its name, or its place from 1.", show_default=False)]
Time = Annotated[str | None, typer.Option(help="Column of the time; a date without a clock is its first moment.", show_default=False)]
Amount = Annotated[str | None, typer.Option(help="Column of the amount; without it orders count alike.", show_default=False)]
History = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", help="Instead of --orders: an imported history; contacts and profiles are features too.", show_default=False
    ),
]


def churn(
    as_of: Annotated[str, typer.Option("--as-of", metavar="D[,D…]", help="Judged dates; an order at the date itself is seen.")],
    horizon: Annotated[str, typer.Option("--horizon", metavar="28d[,56d…]", help="Days after the date in which no order is churn.")],
    orders: Orders = None,
    customer: Customer = None,
    time: Time = None,
    amount: Amount = None,
    data_dir: History = None,
    train_until: Annotated[
        str | None,
        typer.Option("--train-until", metavar="D", help="Training labels end no later. [default: the first --as-of]", show_default=False),
    ] = None,
    json: Json = None,
    html: Html = None,
    seed: Seed = DEFAULT_SEED,
    budget: Budget = "0",
    settings: Fixed = None,
    only: Only = None,
    threads: Threads = 2,
    track: Track = False,
) -> None:
    """Who orders nothing within the horizon: the return hazard beside recency, RFM, BG/NBD, Pareto/NBD and direct LightGBM.

    Every customer with an order by an as-of date is judged on what came after it. Features are the product's own, at weekly dates; nothing
    a model is fitted on looks past --train-until. A budget tunes the two LightGBM models, equally, on an earlier training date.

    Example: huitou evaluate churn --orders CDNOW_master.txt.gz --customer customer_id --time date --amount dollar_value
    --as-of 1997-12-31 --horizon 181d
    """
    from huitou.evaluation.running import run
    from training.studies.churn.study import ChurnStudy

    until = None if train_until is None else dates(train_until, "--train-until")[0]
    study = ChurnStudy(
        source=order_source(orders, customer, time, amount, data_dir),
        as_of=dates(as_of, "--as-of"),
        horizons=horizons(horizon),
        train_until=until,
        settings=feature_settings(None).model_copy(update={"threads": threads}),
        seed=seed,
    )
    run(study, StudyOptions(json, html, seed, budget, settings, tuple(only or ()), threads, track))


def order_source(orders: Path | None, customer: str | None, time: str | None, amount: str | None, data_dir: Path | None) -> Source:
    """Where the orders are, from the options that say so.

    Raises:
        HuitouError: neither or both places were named, or a column is missing.
    """
    from training.studies.churn.study import Source
    from training.studies.order_log import OrderColumns

    if (orders is None) == (data_dir is None):
        raise HuitouError("Name the orders: either --orders FILE with --customer and --time, or --data-dir with an imported history.")
    if data_dir is not None:
        return Source(data_dir)
    assert orders is not None  # noqa: S101 - one of the two is there
    missing = [option for option, value in (("--customer", customer), ("--time", time)) if value is None]
    if customer is None or time is None:
        raise HuitouError(f"{orders}: {' and '.join(missing)} must say which column is which, by name or by place from 1.")
    return Source(orders, OrderColumns(customer, time, amount))
