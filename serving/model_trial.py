"""The first minutes of new models: what fails with them is answered with the set before, and when too much fails they are withdrawn.

A model that passes its self-test can still fail on a customer whom the test did not think of. Where requests failed as often before the
swap, the new models are not to blame and stay.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from serving.live import Live
from serving.live_models import LiveModels

_WINDOW = 600.0  # seconds after a swap in which models are on trial
_SHARE = 0.05  # of the answers that may fail
_LEAST = 3  # failures; one may be a customer's damaged row
_TWICE = 2.0  # times the share that failed with the set before


class ModelTrial:
    """Counts how answers end since the last swap. Safe from any thread.

    Attributes:
        problem: which models were withdrawn and why, one sentence; None when none were, or when others have been taken up since.
    """

    def __init__(
        self, *, window: float = _WINDOW, share: float = _SHARE, least: int = _LEAST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Nothing is on trial.

        Args:
            window: seconds of a trial.
            share: of the answers that may fail.
            least: failures below which nothing is withdrawn.
            clock: seconds that only ever grow.
        """
        self._window, self._share, self._least, self._clock = window, share, least, clock
        self._mutex = threading.Lock()
        self._before: LiveModels | None = None
        self._after: LiveModels | None = None
        self._until = 0.0
        self._answers = self._failures = 0
        self._usual = 0.0  # share that failed with the set before
        self._spare: tuple[Live, Live] | None = None
        self.problem: str | None = None

    def begin(self, before: LiveModels, after: LiveModels) -> None:
        """Other models answer from now on."""
        with self._mutex:
            self._usual = self._failures / self._answers if self._answers else 0.0
            self._before, self._after, self._until = before, after, self._clock() + self._window
            self._answers = self._failures = 0
            self._spare, self.problem = None, None

    def answered(self, models: LiveModels, *, failed: bool) -> None:
        """Count an answer, or one that could not be given.

        Args:
            models: it was made with; of a set that answers no longer nothing is counted.
            failed: whether it raised, or lacked a model that the set before has.
        """
        with self._mutex:
            if self._after is None or models is self._after:
                self._answers += 1
                self._failures += failed

    def standing(self, models: LiveModels) -> LiveModels | None:
        """The set before these, while these are on trial."""
        return self._before if models is self._after and self._clock() < self._until else None

    def spare(self, live: Live) -> Live | None:
        """The same customers, products and offers with the models before, while those of `live` are on trial; made once a state."""
        before = self.standing(live.models)
        if before is None:
            return None
        if self._spare is None or self._spare[0] is not live:
            self._spare = live, live.with_models(before)
        return self._spare[1]

    def verdict(self) -> tuple[LiveModels, LiveModels] | None:
        """The set that failed and the one to return to; None while there is no reason to."""
        with self._mutex:
            before, after = self._before, self._after
            if before is None or after is None or self._clock() >= self._until or self._failures < self._least:
                return None
            failing = self._failures / max(self._answers, 1)
            if failing <= self._share or failing <= _TWICE * self._usual:
                return None
            changed = sorted(name for name, version in after.versions.items() if before.versions.get(name) != version)
            told = ", ".join(f"{name} {after.versions[name]}" for name in changed)
            self.problem = (
                f"Withdrawn: {told}. {self._failures} of the first {self._answers} answers failed, the log says how; the models before "
                "serve. Train again, or find out why and promote it once more."
            )
            self._before, self._after, self._spare = None, None, None
            self._answers = self._failures = 0
            return after, before
