"""What the shop's messages of late were believed to bring, by channel: who leaves a channel would have got more of the same.

A message to come is one that will be chosen, as those were; what any message to the customer would bring says little of it
(docs/adr/0030).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from statistics import fmean

MOST = 300  # messages of a channel that count
_ENOUGH = 30  # below that many nothing is said


class MessagesOfLate:
    """Safe from any thread."""

    def __init__(self) -> None:
        """Nothing was sent yet."""
        self._values: dict[str, deque[float]] = {}
        self._means: dict[str, float] = {}
        self._lock = threading.Lock()

    def began_with(self, values: Mapping[str, Sequence[float]]) -> None:
        """Take over what was sent before, in the place of all that is known; channel → values, the oldest first."""
        with self._lock:
            self._values, self._means = {}, {}
            for channel, told in values.items():
                self._values[channel] = deque(told, maxlen=MOST)
                self._tell(channel)

    def took(self, channel: str, value: float) -> None:
        """A message was chosen.

        Args:
            channel: that it goes on.
            value: money that it is believed to bring, less its price; what it may cost the channel is not taken off.
        """
        with self._lock:
            self._values.setdefault(channel, deque(maxlen=MOST)).append(value)
            self._tell(channel)

    def mean(self, channel: str | None) -> float | None:
        """Money that a message on the channel brings, less its price; None where too few were sent to say."""
        return None if channel is None else self._means.get(channel)

    def _tell(self, channel: str) -> None:
        told = self._values[channel]
        if len(told) >= _ENOUGH:
            self._means[channel] = max(fmean(told), 0.0)
