"""docs/security.md: every threat has an answer, and the test that it names is there. The commands and scopes are the program's."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from serving.access.scopes import Scope

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
THREATS = [[cell.strip() for cell in row.strip("|").split("|")] for row in TEXT.splitlines() if re.match(r"\| \d+ \|", row)]


def names_in(path: Path) -> set[str]:
    found = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {node.name for node in found if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")}


def test_every_threat_is_numbered_answered_and_tested() -> None:
    assert len(THREATS) > 25
    assert [int(row[0]) for row in THREATS] == list(range(1, len(THREATS) + 1))
    for number, threat, answer, test in THREATS:
        assert threat, number
        assert answer, number
        named = re.fullmatch(r"`(tests/[\w/]+\.py)::(test_\w+)`", test)
        assert named is not None, (number, test)
        path = ROOT / named[1]
        assert path.is_file(), (number, test)
        assert named[2] in names_in(path), (number, test)


def test_every_scope_is_explained() -> None:
    assert re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE) == [scope.value for scope in Scope]
