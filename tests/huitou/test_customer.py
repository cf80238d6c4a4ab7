from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from huitou.main import app
from tests.huitou.test_erase import GONE, STAYS, write_shop


def test_an_export_holds_ledger_and_history_of_one_person(tmp_path: Path) -> None:
    write_shop(tmp_path / "data")
    result = CliRunner().invoke(app, ["customer", "export", GONE, "--data-dir", str(tmp_path / "data")])
    assert result.exit_code == 0
    document = json.loads(result.output)
    assert len(document["ledger"]["events"]) == len(document["warehouse"]["interactions"]) == 2000
    assert document["ledger"]["consents"][0]["state"] == "granted"
    assert STAYS not in result.output
