"""One message, in whichever form it comes: whoever sends a CloudEvent as plain JSON means one, everything else is a Segment envelope."""

from __future__ import annotations

from datetime import datetime

from features.sources.cloudevents import read_cloud_event
from features.sources.incoming import Incoming
from features.sources.segment import read_envelope


def read_message(raw: object, now: datetime) -> Incoming:
    """One message; arguments and errors as `read_envelope`."""
    if isinstance(raw, dict) and "specversion" in raw:
        return read_cloud_event(raw, now=now)
    return read_envelope(raw, now=now)
