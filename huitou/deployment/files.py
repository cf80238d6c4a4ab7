"""The data folder: is it there, whose is it, is there room, and can its files for people be read?"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path

from features.assumptions import FILE as ASSUMPTIONS
from features.assumptions import load_assumptions
from features.decisions.policy import FILE as POLICY
from features.decisions.policy import load_policy
from features.versions import current_version
from huitou.deployment.check import Check, failed, ok, warning
from huitou.deployment.situation import Situation
from serving.access.key_file import FILE as KEYS

_LEAST_FREE = 256_000_000  # bytes; a ledger on a full disk refuses events, and it grows by some 1 kB an event
_VERSIONED = ("warehouse", "features", "online")  # each is written anew beside the one in force


def data_folder(situation: Situation) -> Check:
    """It is there, this user may write, and others on the machine may not read."""
    folder = situation.data_dir
    if not folder.is_dir():
        return failed(f"There is no folder {folder}.", "Run `huitou import`, or name the right one in HUITOU_DATA_DIR.")
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return failed(f"{folder} cannot be written ({error.strerror}).", "Give the folder to the user that runs huitou, with `chown -R`.")
    foreign = [path.name for path in sorted(folder.iterdir()) if not os.access(path, os.R_OK | os.W_OK)]
    if foreign:
        return failed(f"{folder} holds what this user may not change: {', '.join(foreign[:5])}.", "Run every command as the same user.")
    if folder.stat().st_mode & stat.S_IROTH:
        return warning(f"Everybody on this machine may read {folder}, customers included.", f"Run `chmod o-rwx {folder}`.")
    keys = folder / KEYS
    if keys.is_file() and keys.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return warning(f"Others may read {keys}.", f"Run `chmod 600 {keys}`.")
    return ok(f"{folder} is there and may be written.")


def disk(situation: Situation) -> Check:
    """There is room for the next build, which is written beside the one in force."""
    folder = situation.data_dir
    free = shutil.disk_usage(folder).free
    needed = sum(_size(folder / name) for name in _VERSIONED)
    says = f"{_gb(free)} GB are free; the next build needs about {_gb(needed)} GB beside the present one."
    remedy = "Free some space, or move the data folder to a larger disk."
    if free < max(needed, _LEAST_FREE):
        return failed(says, remedy)
    return warning(says, remedy) if free < 3 * needed else ok(says)


def assumptions(situation: Situation) -> Check:
    """The shop's beliefs can be read."""
    found = load_assumptions(situation.data_dir / ASSUMPTIONS)
    if (situation.online / ASSUMPTIONS).is_file():
        answering = load_assumptions(situation.online / ASSUMPTIONS)
        if answering.version != found.version:
            return warning(
                f"Answers are made with {answering.version}; the file is {found.version} by now.", "Run `huitou build` to take it over."
            )
    return ok(f"{found.version}: {found.currency}, channels {', '.join(found.consent.channels)}.")


def policy(situation: Situation) -> Check:
    """What decides can be read, and suits the shop's channels."""
    from serving.decisioning.contacts import rules_of

    path = situation.data_dir / POLICY
    found = load_policy(path)
    rules_of(found.contact, load_assumptions(situation.data_dir / ASSUMPTIONS).outbound_channels)
    return ok(f"{path.name} is read and suits the channels." if path.is_file() else "There is no file: the defaults decide.")


def _size(root: Path) -> int:
    version = current_version(root)
    return 0 if version is None else sum(path.stat().st_size for path in (root / version).rglob("*") if path.is_file())


def _gb(size: int) -> str:
    return f"{size / 1e9:,.1f}"
