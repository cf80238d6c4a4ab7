"""`keys.toml` in the data folder: the keys as hashes, replaced whole, readable by its owner only.

A file and not the ledger: keys must be checked while the database is away, and a backup of the ledger that is restored must not bring
back a key that was revoked. See docs/adr/0018.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from serving.access.errors import KeysBroken
from serving.access.keys import Key

FILE: Final = "keys.toml"
_LOCK = ".keys.lock"
_OWNER_ONLY = 0o600
_HEAD = "# Keys of the API, as hashes; written by `huitou keys`. Removing a block revokes its key within a second.\n"


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    key: tuple[Key, ...] = ()


def read_keys(path: Path) -> tuple[Key, ...] | None:
    """The keys; None where there is no file.

    Raises:
        KeysBroken: it cannot be read, is not TOML, or says something unknown.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise KeysBroken(f"{path} cannot be read ({getattr(error, 'strerror', None) or 'it is not UTF-8'}).") from error
    try:
        found = _File.model_validate(tomllib.loads(text)).key
    except tomllib.TOMLDecodeError as error:
        raise KeysBroken(f"{path} is not TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise KeysBroken(f"{path}, {'.'.join(map(str, first['loc']))}: {first['msg']}.") from error
    names = [key.name for key in found]
    if len(set(names)) < len(names):
        raise KeysBroken(f"{path} holds two keys of one name.")
    return found


def change_keys(data_dir: Path, change: Callable[[tuple[Key, ...]], tuple[Key, ...]]) -> Path:
    """Read the keys, change them and put them in place, alone among those who do; returns the file's path.

    Raises:
        KeysBroken: what is there cannot be read; nothing is changed.
        OSError: the file cannot be written; what was there stays.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / FILE
    with _alone(data_dir):
        _install(path, _text(change(read_keys(path) or ())))
    return path


@contextlib.contextmanager
def _alone(data_dir: Path) -> Iterator[None]:
    with (data_dir / _LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(path: Path, text: str) -> None:
    aside = path.with_name(f".{path.name}-{os.getpid()}")
    aside.unlink(missing_ok=True)  # left behind by a process of the same number that was killed
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _text(keys: tuple[Key, ...]) -> str:
    return _HEAD + "".join(_block(key) for key in keys)


def _block(key: Key) -> str:
    lines = ["", "[[key]]"]
    told = key.model_dump(mode="json", exclude={"secrets", "created_at"}) | {"scopes": sorted(key.scopes)}
    lines += [f"{name} = {_value(value)}" for name, value in told.items()]
    lines.append(f"created_at = {key.created_at.isoformat()}")
    for secret in key.secrets:
        lines += ["", "[[key.secrets]]", f"sha256 = {_value(secret.sha256)}"]
        if secret.until is not None:
            lines.append(f"until = {secret.until.isoformat()}")
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:  # noqa: ANN401 - a text, a number or a list of texts: JSON writes them as TOML reads them
    return json.dumps(value)
