"""`huitou evaluate baskets`: what will each customer's next basket hold?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huitou.evaluation.options import (
    DEFAULT_BUDGET,
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
)

if TYPE_CHECKING:
    from training.studies.baskets.basket_set import BasketSet
    from training.studies.study import Tell

_DRAWS = 5  # splits of an order log: as many as the published sets have

History = Annotated[
    Path | None, typer.Option("--history", help='JSON: {"user": [basket, …]}, a basket a list of items, oldest first.', show_default=False)
]
Future = Annotated[Path | None, typer.Option("--future", help='JSON: {"user": [next basket]}.', show_default=False)]
Splits = Annotated[
    list[Path] | None,
    typer.Option("--splits", help='JSON: {"train": [user, …], "val": […], "test": […]}; once per split.', show_default=False),
]
MoreSplits = Annotated[
    list[Path] | None, typer.Argument(metavar="[SPLITS]...", help="More files of --splits, as a shell's * gives them.", show_default=False)
]
Orders = Annotated[
    Path | None,
    typer.Option(
        "--orders",
        help="Instead of JSON: an order log (text, Parquet, Excel), a row per line; needs the columns below.",
        show_default=False,
    ),
]
Customer = Annotated[str | None, typer.Option("--customer", help="Column of --orders: who.", show_default=False)]
Time = Annotated[str | None, typer.Option("--time", help="Column of --orders: when.", show_default=False)]
Product = Annotated[str | None, typer.Option("--product", help="Column of --orders: what.", show_default=False)]
Order = Annotated[
    str | None, typer.Option("--order", help="Column of --orders: which order is a basket; else each day is one.", show_default=False)
]
Amount = Annotated[
    str | None, typer.Option("--amount", help="Column of --orders: negative ones are refunds, left out.", show_default=False)
]


def baskets(
    more_splits: MoreSplits = None,
    history: History = None,
    future: Future = None,
    splits: Splits = None,
    orders: Orders = None,
    customer: Customer = None,
    time: Time = None,
    product: Product = None,
    order: Order = None,
    amount: Amount = None,
    json: Json = None,
    html: Html = None,
    seed: Seed = DEFAULT_SEED,
    budget: Budget = DEFAULT_BUDGET,
    settings: Fixed = None,
    only: Only = None,
    threads: Threads = 2,
    mlflow: Track = False,
) -> None:
    """Next baskets: what customers bought before, and what they had not yet, in one list.

    Beside the repurchase ranker stand the counting baselines, TIFU-kNN, item cosine and ALS; recall, NDCG and PHR at 10 and 20, what is
    bought again and what for the first time apart. Reads next-basket sets in JSON, or any order log, whose customers' last baskets are then
    the targets.

    Example: huitou evaluate baskets --history tafeng_history.json --future tafeng_future.json --splits tafeng_keyset_*.json
    """
    from huitou.evaluation.running import run
    from training.studies.baskets.study import BasketsStudy

    if orders is not None and (history or future or splits or more_splits):
        raise typer.BadParameter("give --orders, or --history, --future and --splits; not both.", param_hint="--orders")
    if orders is None:
        read = _files(history, future, [*(splits or ()), *(more_splits or ())])
    else:
        read = _log(orders, {"--customer": customer, "--time": time, "--product": product}, order, amount, seed)
    run(BasketsStudy(read), StudyOptions(json, html, seed, budget, settings, tuple(only or ()), threads, mlflow))


def _files(history: Path | None, future: Path | None, splits: list[Path]) -> Callable[[Tell], BasketSet]:
    if history is None or future is None or not splits:
        raise typer.BadParameter("give --history, --future and --splits; or --orders.", param_hint="--history")

    def read(_: Tell) -> BasketSet:
        from training.studies.baskets.basket_files import read_basket_files

        return read_basket_files(history, future, splits)

    return read


def _log(orders: Path, needed: dict[str, str | None], order: str | None, amount: str | None, seed: int) -> Callable[[Tell], BasketSet]:
    missing = [option for option, column in needed.items() if column is None]
    if missing:
        raise typer.BadParameter(f"--orders also needs {', '.join(missing)}.", param_hint=missing[0])
    who, when, what = map(str, needed.values())

    def read(tell: Tell) -> BasketSet:
        from training.studies.baskets.order_baskets import LineColumns, read_order_baskets

        return read_order_baskets(orders, LineColumns(who, when, what, order, amount), tell, draws=_DRAWS, seed=seed)

    return read
