"""Which rows in a Redis belong to which build: a note in the build's folder names the project of Feast's under which they stand."""

from __future__ import annotations

import contextlib
import json
import secrets
from pathlib import Path

from features.errors import StateBroken
from features.redis_server import RedisServer

PLACE_FILE = "redis.json"
_SHOP_FILE = "redis-shop"  # beside the builds: tells this data folder's rows from another's in the same Redis
_PREFIX = "huitou"


def place_new(folder: Path) -> str:
    """Choose where the rows of a build that is being written will stand, and note it in its folder; returns Feast's project.

    Raises:
        OSError: the note cannot be written.
    """
    project = f"{_PREFIX}_{shop_of(folder.parent)}_{secrets.token_hex(4)}"
    (folder / PLACE_FILE).write_text(json.dumps({"project": project}), encoding="utf-8")
    return project


def place_of(folder: Path) -> str | None:
    """Project under which a build's rows stand in the Redis; None where they are in its folder.

    Raises:
        StateBroken: the note is damaged.
    """
    try:
        return str(json.loads((folder / PLACE_FILE).read_text(encoding="utf-8"))["project"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StateBroken(f"{folder / PLACE_FILE} cannot be read; run `huitou build --force`.") from error


def demanded(server: RedisServer | None, folder: Path) -> RedisServer:
    """The server, for a build whose rows are in one.

    Raises:
        StateBroken: the settings name none.
    """
    if server is None:
        raise StateBroken(f"The rows of {folder.name} are in a Redis; set HUITOU_ONLINE_URL, or run `huitou build --force` without one.")
    return server


def shop_of(online_dir: Path) -> str:
    """What this data folder's projects have in common; chosen once."""
    path = online_dir / _SHOP_FILE
    with contextlib.suppress(FileExistsError), path.open("x", encoding="utf-8") as file:
        file.write(secrets.token_hex(4))
    return path.read_text(encoding="utf-8").strip()


def projects_of(online_dir: Path) -> tuple[str, set[str]]:
    """What the names of all this folder's projects begin with, and those whose build is still there, also the ones being written."""
    kept: set[str] = set()
    for path in (*online_dir.glob(f"*/{PLACE_FILE}"), *online_dir.glob(f".*/{PLACE_FILE}")):
        with contextlib.suppress(StateBroken):  # safe: nobody can read rows of which nobody knows where they are
            kept.add(place_of(path.parent) or "")
    return f"{_PREFIX}_{shop_of(online_dir)}_", kept - {""}
