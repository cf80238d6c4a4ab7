"""Who runs a command, for the audit log."""

from __future__ import annotations

import getpass


def command_actor() -> str:
    """`cli:` and the name of the system's user; at most 64 characters."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # safe: a container may run as a number that has no name
        name = "unknown"
    return f"cli:{name}"[:64]
