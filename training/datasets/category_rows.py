"""Rows of the repurchase hazard: customer × category × as-of date × lead, with the label "bought within the next step"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from training.artifacts.category_path import CATEGORY_INPUTS, CUSTOMER_INPUTS, STEP_DAYS, TREE_INPUTS, tree_inputs
from training.datasets.category_labels import next_purchases

_STEP = timedelta(days=STEP_DAYS)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class CategorySnapshots:
    """Features of pairs of customer and category at as-of dates, with what came after.

    Attributes:
        category: (n, `CATEGORY_INPUTS`).
        customer: (n, `CUSTOMER_INPUTS`).
        as_of: (n,) datetime64[us], UTC.
        customer_code: (n,) customer number.
        wait: (n,) days until the category is bought again; infinity when no such purchase is known.
        next_quantity: (n,) quantity of that purchase; NaN when none is known.
    """

    category: Array
    customer: Array
    as_of: NDArray[np.datetime64]
    customer_code: NDArray[np.int64]
    wait: Array
    next_quantity: Array

    @classmethod
    def from_frame(cls, features: pl.DataFrame, purchases: pl.DataFrame, *, until: datetime) -> CategorySnapshots:
        """From features and the purchases of `category_labels`.

        Args:
            features: `customer_id`, `product_category`, `as_of`, the category inputs and, with the prefix `customer_`, the customer inputs.
            purchases: result of `category_purchases`.
            until: the last moment that labels may look at.
        """
        after = next_purchases(features, purchases, until=until)
        return cls(
            category=features.select(CATEGORY_INPUTS).to_numpy().astype(np.float64),
            customer=features.select(f"customer_{name}" for name in CUSTOMER_INPUTS).to_numpy().astype(np.float64),
            as_of=features["as_of"].dt.replace_time_zone(None).dt.cast_time_unit("us").to_numpy(),
            customer_code=features["customer_id"].rank("dense").to_numpy().astype(np.int64),
            wait=after["wait"].to_numpy(),
            next_quantity=after["next_quantity"].cast(pl.Float64).fill_null(float("nan")).to_numpy(),
        )

    def at(self, dates: Iterable[datetime]) -> CategorySnapshots:
        """Only the rows of these as-of dates."""
        return self.pick(np.isin(self.as_of, [naive(date) for date in dates]))

    def pick(self, mask: NDArray[np.bool_]) -> CategorySnapshots:
        """Only the rows of a mask, (n,)."""
        return CategorySnapshots(*(value[mask] for value in vars(self).values()))


def category_rows(snapshots: CategorySnapshots, *, until: datetime, leads: Iterable[tuple[int, float]], seed: int) -> tuple[Array, Array]:
    """Inputs and labels of every pair whose step is closed by `until` and that was not bought before the step began.

    Args:
        snapshots: pairs at as-of dates; a label is read only where its step ends by `until`, so later purchases in `wait` do no harm.
        until: last moment a label may look at.
        leads: lead in steps → share of its rows that is sampled.
        seed: of the sample.

    Returns:
        (m, `TREE_INPUTS`) and (m,) 1 where the category was bought within the step.
    """
    inputs, labels = [np.empty((0, len(TREE_INPUTS)))], [np.empty(0)]
    for lead, keep, label in closed_steps(snapshots.as_of, snapshots.wait, until=until, leads=leads, seed=seed):
        inputs.append(tree_inputs(snapshots.category[keep], snapshots.customer[keep], lead))
        labels.append(label)
    return np.vstack(inputs), np.concatenate(labels)


def closed_steps(
    as_of: NDArray[np.datetime64], wait: Array, *, until: datetime, leads: Iterable[tuple[int, float]], seed: int
) -> Iterator[tuple[int, NDArray[np.bool_], Array]]:
    """Which rows there are, and their labels, lead after lead; no feature is needed to know it.

    Args:
        as_of: (n,) of every pair, sorted as `CategorySnapshots` are: the sample depends on the order.
        wait: (n,) as theirs.
        until: last moment a label may look at.
        leads: lead in steps → share of its rows that is sampled.
        seed: of the sample.

    Yields:
        Lead, (n,) mask of its rows, and their labels.
    """
    rng = np.random.default_rng(seed)
    for lead, share in leads:
        closed = as_of + np.timedelta64(_STEP) * (lead + 1) <= naive(until)
        keep = closed & (wait > STEP_DAYS * lead) & (rng.random(len(closed)) < share)
        yield lead, keep, (wait[keep] <= STEP_DAYS * (lead + 1)).astype(np.float64)


def naive(moment: datetime) -> np.datetime64:
    """UTC moment as numpy's zone-less datetime64[us]."""
    return np.datetime64(moment.replace(tzinfo=None), "us")
