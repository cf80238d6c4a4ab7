"""`huitou evaluate purchases`."""

from __future__ import annotations

from typing import Annotated

import typer

from features.errors import HuitouError
from huitou.evaluation.churn import Amount, Customer, History, Orders, Time, order_source
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


def purchases(
    as_of: Annotated[str, typer.Option("--as-of", metavar="D", help="Judged date; an order at the date itself is seen.")],
    horizon: Annotated[str, typer.Option("--horizon", metavar="182d[,91d…]", help="Days after the date whose orders are foretold.")],
    orders: Orders = None,
    customer: Customer = None,
    time: Time = None,
    amount: Amount = None,
    data_dir: History = None,
    json: Json = None,
    html: Html = None,
    seed: Seed = DEFAULT_SEED,
    budget: Budget = "0",
    settings: Fixed = None,
    only: Only = None,
    threads: Threads = 2,
    track: Track = False,
) -> None:
    """How many orders and how much spend: the value model beside BG/NBD, Pareto/NBD (with gamma–gamma) and the mean of the past.

    Every customer with an order by the as-of date is judged on what came after it; no model sees anything later. Orders of one day count
    once. A budget tunes the value model on an earlier date.

    Example: huitou evaluate purchases --orders CDNOW_master.txt.gz --customer customer_id --time date --amount dollar_value
    --as-of 1997-12-31 --horizon 181d
    """
    from huitou.evaluation.running import run
    from training.studies.purchases.study import PurchasesStudy

    days = dates(as_of, "--as-of")
    if len(days) != 1:
        raise HuitouError(f"--as-of {as_of}: purchases are judged at one date; name one.")
    study = PurchasesStudy(
        source=order_source(orders, customer, time, amount, data_dir),
        as_of=days[0],
        horizons=horizons(horizon),
        settings=feature_settings(None).model_copy(update={"threads": threads}),
        seed=seed,
    )
    run(study, StudyOptions(json, html, seed, budget, settings, tuple(only or ()), threads, track))
