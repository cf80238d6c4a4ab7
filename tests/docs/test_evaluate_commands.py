"""The `huitou evaluate` lines of the READMEs and of the evidence are lawful: each gets as far as asking for its file."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from features.errors import HuitouError
from huitou.main import app

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "README.zh-CN.md", "docs/evidence.md", "notebooks/*.py")


def commands() -> list[str]:
    found: dict[str, None] = {}
    for page in PAGES:
        for path in sorted(ROOT.glob(page)):
            text = re.sub(r"\\\n\s*(?:# )?", " ", path.read_text(encoding="utf-8"))
            found |= dict.fromkeys(re.findall(r"^(?:# )?(?:    )?(huitou evaluate .*)$", text, flags=re.MULTILINE))
    assert len(found) > 8
    return list(found)


def test_every_question_is_shown() -> None:
    shown = {shlex.split(command)[2] for command in commands()}
    assert shown == set(typer.main.get_command(app).commands["evaluate"].commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", [one for one in commands() if "simulator" not in one])  # it needs no file
def test_a_shown_command_asks_for_its_file(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done: Result = CliRunner().invoke(app, shlex.split(command, comments=True)[1:])
    assert done.exit_code != 2, done.output  # wrong usage
    assert isinstance(done.exception, HuitouError), done.output
    words = [word for word in shlex.split(command) if re.search(r"\.(csv|txt|gz|parquet|json)$|^(bundles|youshu|DATA)$", word)]
    assert any(Path(word).name in str(done.exception) for word in words), str(done.exception)
