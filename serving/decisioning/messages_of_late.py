"""What the shop's messages of late were believed to bring, by channel: who leaves a channel would have got more of the same.

A message to come is one that will be chosen, as those were; what any message to the customer would bring says little of it
(docs/adr/0030).
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from statistics import fmean

from features.decisions.policy import DecisionPolicy, Ranking

MOST = 200  # messages of a channel that count: with 300 no more effect and no fewer channels lost (docs/adr/0030)
LATELY = timedelta(days=56)  # older ones do not: where nothing is sent, nothing would ever take their place
_ENOUGH = 30  # below that many nothing is said


class MessagesOfLate:
    """Safe from any thread."""

    def __init__(self) -> None:
        """Nothing was sent yet."""
        self._sent: dict[str, deque[tuple[datetime, float]]] = {}
        self._means: dict[str, float] = {}
        self._lock = threading.Lock()

    def began_with(self, sent: Mapping[str, Iterable[tuple[datetime, float]]]) -> None:
        """Take over what was sent before, in the place of all that is known; channel → when and what it brings, the oldest first."""
        with self._lock:
            self._sent = {channel: deque(told, maxlen=MOST) for channel, told in sent.items()}
            self._means = {}
            for channel in self._sent:
                self._tell(channel)

    def took(self, channel: str, at: datetime, brings: float) -> None:
        """A message was chosen.

        Args:
            channel: that it goes on.
            at: by the service's clock, UTC.
            brings: money that it is believed to bring, less its price; what it may cost the channel is not taken off.
        """
        if not math.isfinite(brings):
            return
        with self._lock:
            self._sent.setdefault(channel, deque(maxlen=MOST)).append((at, brings))
            self._tell(channel)

    def mean(self, channel: str | None, now: datetime) -> float | None:
        """Money that a message on the channel brings, less its price; None where too few were sent of late to say.

        Args:
            channel: None: not decided yet.
            now: the service's clock, UTC.
        """
        if channel is None or channel not in self._sent:
            return None
        with self._lock:
            sent = self._sent[channel]
            if sent and sent[0][0] <= now - LATELY:
                while sent and sent[0][0] <= now - LATELY:
                    sent.popleft()
                self._tell(channel)
            return self._means.get(channel)

    def _tell(self, channel: str) -> None:
        sent = self._sent[channel]
        if len(sent) >= _ENOUGH:
            self._means[channel] = max(fmean(brings for _, brings in sent), 0.0)
        else:
            self._means.pop(channel, None)


def by_value(policy: DecisionPolicy) -> bool:
    """Whether what a policy chooses is chosen for what it brings, all costs counted: only then do its messages tell of others."""
    rules = policy.value
    return policy.ranking is Ranking.EXPECTED_VALUE and rules.uplift and rules.contact_cost and rules.fatigue
