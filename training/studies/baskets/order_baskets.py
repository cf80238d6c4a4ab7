"""Makes next-basket sets of an order log: each customer's last basket is the target, the baskets before it are the history.

Customers' last baskets lie at different times, as in the published sets: a training customer's may be later than a judged one's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from scipy import sparse

from features.errors import SourceUnreadable
from features.sources.tabular.raw_file import LINE
from features.sources.tabular.values import identifier
from training.datasets.basket_sequences import BasketSequences
from training.studies.baskets.basket_set import BasketSet, Split, with_targets
from training.studies.order_log import named_column, read_amounts, read_times, read_whole

FEWEST_BASKETS = 3  # as the published sets: two known baskets and the target
TEST_SHARE, VAL_SHARE = 0.20, 0.08  # of the users, as the published splits


@dataclass(frozen=True)
class LineColumns:
    """Which columns of the file are which, by name, or by place from 1 where no column has that name.

    Attributes:
        customer, time, product: who, when, what.
        order: lines with the same value are one basket; None: the lines of one customer on one calendar day are.
        amount: lines with a negative one are refunds and left out; None: there are none.
    """

    customer: str
    time: str
    product: str
    order: str | None = None
    amount: str | None = None


def read_order_baskets(path: Path, columns: LineColumns, tell: Callable[[str], None], *, draws: int, seed: int) -> BasketSet:
    """Read an order log and draw splits of its customers.

    Args:
        path: text (any delimiter, gzip too), Parquet or Excel; a row per order line.
        columns: which column is which.
        draws: how many splits.
        seed: of the splits.
        tell: progress.

    Raises:
        SourceUnreadable: no such file or column, a time or amount that cannot be read (names the line), or too few customers with enough
            baskets.
    """
    lines, notes = _lines(path, columns, tell)
    lines = lines.with_columns(position=pl.col("at").rank("dense").over("customer").cast(pl.Int64) - 1)
    lines = lines.with_columns(behind=pl.col("position").max().over("customer") - pl.col("position"))
    enough = lines.filter(pl.col("position").max().over("customer") >= FEWEST_BASKETS - 1)
    thin = lines["customer"].n_unique() - enough["customer"].n_unique()
    if thin:
        notes.append(f"{path.name}: {thin:,} customers with fewer than {FEWEST_BASKETS} baskets were left out.")
    if enough["customer"].n_unique() < 1 / VAL_SHARE:
        raise SourceUnreadable(
            f"{path}: {enough['customer'].n_unique():,} customers have at least {FEWEST_BASKETS} baskets; splits need more. Is a basket "
            f"what column {columns.order or columns.time!r} says?"
        )
    user = enough["customer"].rank("dense").to_numpy().astype(np.int64) - 1
    item = enough["product"].rank("dense").to_numpy().astype(np.int64) - 1
    users, items = int(user.max()) + 1, int(item.max()) + 1
    known = enough["behind"].to_numpy() > 0
    histories = BasketSequences.of(users, items, user[known], enough["position"].to_numpy()[known], item[known])
    pairs = np.unique(np.stack([user[~known], item[~known]], axis=1), axis=0)
    targets = sparse.csr_matrix((np.ones(len(pairs), np.float32), (pairs[:, 0], pairs[:, 1])), shape=(users, items))
    splits = [with_targets(split, targets, split.name)[0] for split in _draw(users, draws, seed)]
    basket = f"the lines with the same {columns.order!r}" if columns.order else "a customer's lines of one calendar day"
    protocol = (
        f"Each customer's last basket in {path.name} is predicted from the baskets before it; a basket is {basket}; customers with fewer "
        f"than {FEWEST_BASKETS} baskets are left out. {draws} random splits of the customers: {1 - TEST_SHARE - VAL_SHARE:.0%} to learn "
        f"from, {VAL_SHARE:.0%} to choose on, {TEST_SHARE:.0%} judged. Customers' last baskets lie at different times."
    )
    return BasketSet(path.name, histories, targets, splits, protocol, notes)


def _draw(users: int, draws: int, seed: int) -> list[Split]:
    random = np.random.default_rng(seed)
    test, val = max(round(users * TEST_SHARE), 1), max(round(users * VAL_SHARE), 1)
    drawn = []
    for number in range(draws):
        order = random.permutation(users).astype(np.int64)
        parts = np.split(order, [test, test + val])
        drawn.append(Split(f"draw {number + 1}", train=np.sort(parts[2]), val=np.sort(parts[1]), test=np.sort(parts[0])))
    return drawn


def _lines(path: Path, columns: LineColumns, tell: Callable[[str], None]) -> tuple[pl.DataFrame, list[str]]:
    """`customer`, `product` and `at`, the moment of the line's basket; and what was left out."""
    file = read_whole(path, tell)
    customer = named_column(file, columns.customer, "--customer", path)
    product, time = named_column(file, columns.product, "--product", path), named_column(file, columns.time, "--time", path)
    rows = pl.DataFrame(
        {
            LINE: file.rows[LINE],
            "customer": identifier(file.rows, customer),
            "product": identifier(file.rows, product),
            "time": read_times(file, time, path),
        }
    )
    if columns.order is None:
        rows = rows.with_columns(at=pl.col("time").dt.truncate("1d"))
    else:
        rows = rows.with_columns(identifier(file.rows, named_column(file, columns.order, "--order", path)).alias("order"))
        rows = rows.with_columns(at=pl.col("time").min().over("customer", "order"))
    notes = []
    for what, where in (("customer", pl.col("customer").is_null()), ("product", pl.col("product").is_null())):
        lost = rows.filter(where).height
        if lost:
            notes.append(f"{path.name}: {lost:,} rows without a {what} were left out.")
        rows = rows.filter(~where)
    if columns.amount is not None:
        amount = read_amounts(file, named_column(file, columns.amount, "--amount", path), path)
        refunds = rows[LINE].is_in(file.rows[LINE].filter(amount < 0).implode())
        notes += [f"{path.name}: {int(refunds.sum()):,} rows with a negative amount were taken for refunds and left out."] * bool(
            refunds.any()
        )
        rows = rows.filter(~refunds)
    tell(f"{rows.height:,} rows")
    return rows.select("customer", "product", "at"), notes
