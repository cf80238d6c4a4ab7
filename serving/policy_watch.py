"""The policy file as the service follows it: a changed file is taken over, a wrong one is told and leaves the policy as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from features.decisions.policy import DecisionPolicy, load_policy
from features.errors import HuitouError
from serving.file_stamp import stamp_of


class PolicyWatch:
    """Reads the file when it has changed; one thread at a time.

    Attributes:
        policy: in force.
        problem: why the newest file is not, or None.
    """

    def __init__(self, path: Path) -> None:
        """Read the file for the first time.

        Raises:
            SourceUnreadable: it is wrong; a service does not start with a policy that nobody meant.
        """
        self._path = path
        self._seen = stamp_of(self._path)
        self.policy: DecisionPolicy = load_policy(path)
        self.problem: str | None = None

    def look(self, check: Callable[[DecisionPolicy], object]) -> bool:
        """Take over the file if it changed; returns whether another policy is in force.

        Args:
            check: raises a HuitouError when the policy does not suit the shop.
        """
        stamp = stamp_of(self._path)
        if stamp == self._seen:
            return False
        self._seen = stamp
        try:
            found = load_policy(self._path)
            check(found)
        except HuitouError as error:
            self.problem = str(error)
            return False
        self.problem = None
        changed, self.policy = found != self.policy, found
        return changed
