"""Requests that a web page of somebody else's makes a browser send: to a service on the reader's own machine, or with the reader's key."""

from __future__ import annotations

import functools
import ipaddress
from urllib.parse import urlsplit

_ANY_CALLER = 512  # hosts and origins whose answer is remembered


@functools.lru_cache(_ANY_CALLER)
def is_local_name(host: bytes) -> bool:
    """Whether a Host header names this machine, or a name that no stranger can own: one without a dot.

    A page under a name of its own that it lets point to 127.0.0.1 (DNS rebinding) is told by its Host.
    """
    try:
        name = (urlsplit(f"//{host.decode('ascii')}").hostname or "").lower()
    except ValueError:  # not ASCII, or brackets that do not close
        return False
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return bool(name) and ("." not in name.rstrip(".") or name.endswith(".localhost"))


@functools.lru_cache(_ANY_CALLER)
def is_same_host(origin: bytes, host: bytes) -> bool:
    """Whether an Origin header names the host that was asked; the scheme may differ, since a proxy may end TLS."""
    try:
        return urlsplit(origin.decode("ascii")).netloc.lower() == host.decode("ascii").lower() != ""
    except ValueError:
        return False
