"""`huitou audit`: the chain, the head, and the database's own refusal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from features.errors import HuitouError
from features.ledger import audit, erasing
from features.ledger.ledger import Ledger, open_ledger
from features.ledger.migrating import downgrade, migrate
from features.settings import FeatureSettings
from huitou.main import app


@pytest.fixture
def ledger(ledger_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    monkeypatch.setenv("HUITOU_LEDGER_URL", ledger_address)
    ledger = open_ledger(FeatureSettings(data_dir=tmp_path, ledger_url=ledger_address))
    for customer in ("c-77001", "c-77002", "c-77003"):
        erasing.begin(ledger, customer, actor="cli:test")
    yield ledger
    ledger.close()


def run(tmp_path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["audit", *arguments, "--data-dir", str(tmp_path)])


def tamper(ledger: Ledger, statement: str) -> None:
    """As somebody who owns the database could, after taking the triggers away."""
    downgrade(ledger.database, "0001")
    with ledger.database.writing() as connection:
        connection.execute(text(statement))
    migrate(ledger.database)


def head_of(result: Result) -> str:
    found = re.search(r"[0-9a-f]{64}", result.output.replace("\n", ""))
    assert found is not None
    return found.group()


def test_an_untouched_chain_is_whole_and_names_nobody(ledger: Ledger, tmp_path: Path) -> None:
    result = run(tmp_path, "verify")
    assert result.exit_code == 0
    assert run(tmp_path, "verify", "--head", head_of(result)).exit_code == 0
    listed = run(tmp_path, "list", "--json")
    assert listed.output.count("customer_erasure_asked") == 3
    assert "c-7700" not in listed.output
    assert "c-7700" not in run(tmp_path, "list").output


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE audit SET actor = 'cli:nobody' WHERE seq = 2", 2),
        ("UPDATE audit SET detail = '{}' WHERE seq = 1", 1),
        ("DELETE FROM audit WHERE seq = 2", 3),
        ("UPDATE audit SET at = at + 1 WHERE seq = 3", 3),
    ],
)
def test_whatever_was_changed_shows(ledger: Ledger, tmp_path: Path, statement: str, broken: int) -> None:
    tamper(ledger, statement)
    result = run(tmp_path, "verify")
    assert isinstance(result.exception, HuitouError)
    assert f"entry {broken}" in str(result.exception)


def test_an_end_that_was_cut_off_shows_by_the_head_written_down(ledger: Ledger, tmp_path: Path) -> None:
    head = head_of(run(tmp_path, "verify"))
    tamper(ledger, "DELETE FROM audit WHERE seq = 3")
    assert run(tmp_path, "verify").exit_code == 0  # what is left fits together
    result = run(tmp_path, "verify", "--head", head)
    assert isinstance(result.exception, HuitouError)
    assert "cut off" in str(result.exception)


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"])
def test_the_database_refuses_to_change_the_log(ledger: Ledger, statement: str) -> None:
    with pytest.raises(HuitouError), ledger.database.writing() as connection:
        connection.execute(text(statement))
    with ledger.database.reading() as connection:
        assert audit.verify(connection).entries == 3
