"""What the unit files and the compose file would run, as commands of this checkout: paths, ports and addresses replaced, nothing else."""

from __future__ import annotations

import configparser
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = DEPLOY / "systemd"
INSTALLED = "/opt/huitou/.venv/bin/huitou"


def compose() -> dict[str, Any]:
    """The compose file."""
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8")))


def unit(name: str) -> dict[str, dict[str, list[str]]]:
    """A unit file: section → key → its values in order; systemd allows a key many times."""

    class Many(dict[str, Any]):
        def __setitem__(self, key: str, value: Any) -> None:
            if isinstance(value, list) and key in self:
                self[key].extend(value)
            else:
                super().__setitem__(key, value)

    parser = configparser.RawConfigParser(dict_type=Many, strict=False, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNITS / name, encoding="utf-8")
    return {section: {key: value.splitlines() for key, value in parser[section].items()} for section in parser.sections()}


def started(name: str) -> list[list[str]]:
    """The commands of a unit, without the mark of those that may fail."""
    return [shlex.split(line.removeprefix("-")) for line in unit(name)["Service"]["ExecStart"]]


def ours(command: Sequence[str]) -> list[str]:
    """A command of the installation as one of this checkout."""
    assert command[0] in {INSTALLED, "huitou"}, command
    return [sys.executable, "-m", "huitou", *command[1:]]


@contextmanager
def process(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run it until the block ends; it must then end well by itself within its grace."""
    running = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, **environment}
    )
    try:
        yield running
        running.terminate()
        running.wait(timeout=30)
    finally:
        if running.poll() is None:
            running.kill()
            running.wait()
        assert running.stderr is not None
        running.stderr.close()
