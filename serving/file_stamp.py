"""Whether a file was written since it was last looked at, told in microseconds without reading it."""

from __future__ import annotations

from pathlib import Path

Stamp = tuple[int, int, int]


def stamp_of(path: Path) -> Stamp | None:
    """Inode, time of the last change in nanoseconds, and bytes: differs after every writing or replacing; None where there is no file."""
    try:
        about = path.stat()
    except OSError:  # safe: a file that cannot be looked at is treated as one that is not there
        return None
    return about.st_ino, about.st_mtime_ns, about.st_size
