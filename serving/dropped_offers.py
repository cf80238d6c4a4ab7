"""Counts why offers fell, a microsecond a decision: plain numbers that become a metric only when somebody reads the metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from serving.decisioning.written_screen import RULES

_CODES = (None, *(code for _, code in RULES))


class DroppedOffers(Collector):
    """What fell, by rule; used from the event loop alone, so that nothing needs a lock."""

    def __init__(self) -> None:
        self._models: Counter[str] = Counter()
        self._written = np.zeros(len(_CODES), np.int64)

    def count(self, fallen: Iterable[str], written: NDArray[np.int64]) -> None:
        """Count one decision.

        Args:
            fallen: the rule by which each candidate of the models fell.
            written: how many written offers fell by each rule, by its number; at 0 those that did not.
        """
        self._models.update(fallen)
        self._written += written

    def collect(self) -> Iterator[CounterMetricFamily]:
        """See `prometheus_client.registry.Collector`."""
        family = CounterMetricFamily("huitou_offers_dropped", "Offers that were kept back, by rule.", labels=("code",))
        total = Counter({code: int(number) for code, number in zip(_CODES, self._written, strict=True) if code is not None and number})
        total.update(self._models)
        for code, number in sorted(total.items()):
            family.add_metric([code], number)
        yield family
