"""Training rows of the return hazard: as-of date × lead, with the label "orders within the next step"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.feature_sets import CUSTOMER
from training.artifacts.hazard_path import STEP_DAYS, HazardPath
from training.datasets.labels import days_until_next

_STEP = timedelta(days=STEP_DAYS)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Snapshots:
    """Stored features of customers at as-of dates, with what came after: the next order, or whatever else is waited for.

    Attributes:
        stored: (n, features) in the order of `CUSTOMER`.
        as_of: (n,) datetime64[us], UTC.
        customer: (n,) customer number.
        customer_id: (n,) ids.
        wait: (n,) days until the next event that is waited for; infinity when none is known.
    """

    stored: Array
    as_of: NDArray[np.datetime64]
    customer: NDArray[np.int64]
    customer_id: NDArray[np.str_]
    wait: Array

    @classmethod
    def from_frames(cls, features: pl.DataFrame, events: pl.DataFrame, *, time: str = "ordered_at") -> Snapshots:
        """From offline features (`customer_id`, `as_of`, features of `CUSTOMER`) and the events waited for, orders by default."""
        ids = features["customer_id"].to_numpy().astype(str)
        return cls(
            stored=features.select(CUSTOMER.columns).to_numpy().astype(np.float64),
            as_of=features["as_of"].dt.replace_time_zone(None).to_numpy(),
            customer=np.unique(ids, return_inverse=True)[1],
            customer_id=ids,
            wait=days_until_next(features, events, time=time),
        )

    def at(self, dates: list[datetime]) -> Snapshots:
        """Only the rows of these as-of dates."""
        return self.where(np.isin(self.as_of, [naive(d) for d in dates]))

    def until(self, moment: datetime) -> Snapshots:
        """Only the rows of as-of dates up to a moment."""
        return self.where(self.as_of <= naive(moment))

    def newest(self) -> Snapshots:
        """Only the rows of the newest as-of date."""
        return self.where(self.as_of == self.as_of.max())

    def where(self, mask: NDArray[np.bool_]) -> Snapshots:
        """Only the rows of the mask, (n,)."""
        return Snapshots(self.stored[mask], self.as_of[mask], self.customer[mask], self.customer_id[mask], self.wait[mask])


class Path(Protocol):
    """How a model's inputs follow from stored features while what is waited for does not happen."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs."""
        ...

    def at(self, stored: Array, lead: int) -> Array:
        """Inputs `lead` steps after the as-of date, (n, inputs)."""
        ...


@dataclass(frozen=True)
class HazardRows:
    """Inputs, labels and when each label was closed.

    Attributes:
        inputs: (m, inputs of the path), single precision: half the memory, and trees cut between values.
        label: (m,) 1 when what is waited for happened within the step.
        label_end: (m,) datetime64[us].
    """

    inputs: NDArray[np.float32]
    label: Array
    label_end: NDArray[np.datetime64]

    def between(self, start: datetime | None, end: datetime) -> HazardRows:
        """Rows whose label step lies between two moments."""
        mask = self.label_end <= naive(end)
        if start is not None:
            mask &= self.label_end - np.timedelta64(_STEP) >= naive(start)
        return HazardRows(self.inputs[mask], self.label[mask], self.label_end[mask])


def hazard_rows(
    snapshots: Snapshots, *, until: datetime, max_lead: int, lead_share: float, seed: int, path: Path | None = None
) -> HazardRows:
    """Rows of every snapshot whose label step ends by `until`.

    Args:
        snapshots: all as-of dates.
        until: last moment a label may look at.
        max_lead: greatest lead, in steps; a row of lead k exists where the customer bought nothing in the k steps.
        lead_share: share of the survivors sampled at each lead above 0. A row of lead k repeats a later snapshot but for the frozen
        features, so
            few are enough.
        seed: of the sample.
        path: how inputs follow from stored features; that of the next order, without BG/NBD's beliefs, when None.
    """
    path = path or HazardPath(CUSTOMER)
    inputs, labels, ends = [np.empty((0, len(path.inputs)), dtype=np.float32)], [np.empty(0)], [np.empty(0, dtype="datetime64[us]")]
    steps = closed_steps(snapshots.as_of, snapshots.wait, until=until, max_lead=max_lead, lead_share=lead_share, seed=seed)
    for lead, (keep, label, end) in enumerate(steps):
        inputs.append(path.at(snapshots.stored[keep], lead).astype(np.float32))
        labels.append(label)
        ends.append(end)
    return HazardRows(np.vstack(inputs), np.concatenate(labels), np.concatenate(ends))


def closed_steps(
    as_of: NDArray[np.datetime64], wait: Array, *, until: datetime, max_lead: int, lead_share: float, seed: int
) -> Iterator[tuple[NDArray[np.bool_], Array, NDArray[np.datetime64]]]:
    """Which rows there are, and their labels, lead after lead; no feature is needed to know it.

    Args:
        as_of: (n,) of every customer and date, sorted as `Snapshots` are: the sample depends on the order.
        wait: (n,) as theirs.
        until: last moment a label may look at.
        max_lead: greatest lead, in steps.
        lead_share: share of the survivors sampled at each lead above 0.
        seed: of the sample.

    Yields:
        (n,) mask of the rows of the lead, and of those the label and when it was closed.
    """
    rng = np.random.default_rng(seed)
    for lead in range(max_lead + 1):
        end = as_of + np.timedelta64(_STEP) * (lead + 1)
        keep = (end <= naive(until)) & (wait > STEP_DAYS * lead)
        if lead:
            keep &= rng.random(len(keep)) < lead_share
        yield keep, (wait[keep] <= STEP_DAYS * (lead + 1)).astype(np.float64), end[keep]


def naive(moment: datetime) -> np.datetime64:
    """UTC moment as numpy's zone-less datetime64[us]."""
    return np.datetime64(moment.replace(tzinfo=None), "us")
