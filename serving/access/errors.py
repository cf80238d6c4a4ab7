"""Why somebody is not let in. Every message names the remedy, none the key that was sent."""

from __future__ import annotations

from collections.abc import Mapping

from serving.errors import ServingError


class KeyRefused(ServingError):
    """Keys are demanded, and the request carries none that is known."""


class ScopeMissing(ServingError):
    """The key is known, but not good for this."""


class CallerForeign(ServingError):
    """The request was made by a web page of somebody else's, or for another host."""


class RateExceeded(ServingError):
    """The key has asked more often than it may.

    Attributes:
        headers: what the answer's head says of it.
    """

    def __init__(self, message: str, headers: Mapping[str, str]) -> None:
        super().__init__(message)
        self.headers = headers


class KeysBroken(ServingError):
    """The file of keys cannot be read."""


class KeyUnknown(ServingError):
    """There is no key of this name."""


class KeyExists(ServingError):
    """There is a key of this name already."""


class Unlocked(ServingError):
    """The service is to listen beyond this machine, and has no key."""
