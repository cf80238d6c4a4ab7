"""What a key may be good for. Scopes do not contain one another: a key holds exactly those it was made with."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    """One kind of thing that callers do."""

    DECIDE = "decide"  # ask what to send, and look at scores and portraits: what a marketing system does
    INGEST = "ingest"  # tell what happened and what there is: events, outcomes, consents, links, feeds
    ADMIN = "admin"  # change what is tried out on whom, and look at the service itself: experiments, metrics, pages
    ERASE = "erase"  # a person's rights: the copy of everything, and the erasure


EVERYTHING = frozenset(Scope)
