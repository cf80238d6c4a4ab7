"""A file system of a few megabytes that can really fill up, where this process may mount one."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

_BLOCK = 4096


class SmallDisk:
    """A mounted file system.

    Attributes:
        folder: where it is mounted.
    """

    def __init__(self, folder: Path) -> None:
        """Wrap a mounted folder."""
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, *, but: int = 0) -> None:
        """Take all the room there is.

        Args:
            but: bytes left free.
        """
        with self._ballast.open("ab", buffering=0) as file:
            free = os.statvfs(self.folder).f_bavail * os.statvfs(self.folder).f_frsize - but
            with contextlib.suppress(OSError):  # the last blocks may be the file system's own
                while free > 0:
                    free -= file.write(b"\xff" * min(free, 64 * _BLOCK))
            if not but:
                with contextlib.suppress(OSError):
                    while file.write(b"\xff" * _BLOCK):
                        pass

    def free(self) -> None:
        """Give the room back."""
        self._ballast.unlink()


@contextlib.contextmanager
def small_disk(kind: str, megabytes: int, tmp_path: Path) -> Iterator[SmallDisk]:
    """Mount one until the block ends; skips the test where that is not allowed.

    Args:
        kind: tmpfs, or ext4 in a file.
        megabytes: its size.
        tmp_path: of the test.
    """
    folder = tmp_path / "disk"
    folder.mkdir()
    if kind == "tmpfs":
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", str(folder)]
    else:
        image = tmp_path / "disk.image"
        with image.open("wb") as file:
            file.truncate(megabytes << 20)
        # Blocks as on disks of an ordinary size. With smaller ones, which mkfs takes for a small disk, SQLite reserves a part only of each
        # page that it maps, and a process that touches the rest ends by SIGBUS.
        _run(["mkfs.ext4", "-q", "-F", "-m", "0", "-b", str(_BLOCK), str(image)])
        command = ["mount", "-o", "loop", str(image), str(folder)]
    _run(command)
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        pytest.skip(f"{command[0]} is not on this machine: a disk that is really full is not tried")
        raise AssertionError from error
    if done.returncode:
        pytest.skip(f"{command[0]} is not allowed here ({done.stderr.strip()}): a disk that is really full is not tried")
