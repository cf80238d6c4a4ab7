"""`huitou erase`, killed at any moment: the next run finishes it."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from features.assumptions import FILE as ASSUMPTIONS_FILE
from features.folding.compact import compact
from features.import_consent import ImportConsent
from features.ledger import erasing
from features.ledger.events import Event
from features.ledger.ledger import open_ledger
from features.permitted import state_import
from features.settings import FeatureSettings
from huitou.main import app
from tests.features.erasing.search import places_of, tables_of
from tests.shop import ASSUMPTIONS

GONE, STAYS = "gone-31337", "stays-31338"
AT = datetime(2026, 2, 1, tzinfo=UTC)
_KILLS = 4


def write_shop(folder: Path) -> None:
    folder.mkdir()
    (folder / ASSUMPTIONS_FILE).write_text(ASSUMPTIONS, encoding="utf-8")
    settings = FeatureSettings(data_dir=folder)
    ledger = open_ledger(settings)
    properties = json.dumps({"product_id": "p1"})
    ledger.append([Event(f"m{i}", "product_viewed", (GONE, STAYS)[i % 2], AT, "test", properties) for i in range(4000)])
    ledger.close()
    state_import(settings, [GONE, STAYS], ImportConsent.GRANTED)
    compact(settings)
    (folder / "scores.csv").write_text("customer_id\n" + f"{GONE}\n{STAYS}\n" * 2000, encoding="utf-8")


def left(folder: Path) -> list[str]:
    ledger = open_ledger(FeatureSettings(data_dir=folder))
    try:
        return [*places_of(folder, GONE), *tables_of(ledger, GONE)]
    finally:
        ledger.close()


def asked(folder: Path) -> bool:
    with contextlib.closing(sqlite3.connect(f"file:{folder / 'ledger.db'}?mode=ro", uri=True)) as connection:
        return bool(connection.execute("SELECT count(*) FROM erasures").fetchone()[0])


def begun_erasure(folder: Path) -> subprocess.Popen[bytes]:
    """A run of the command whose wish is in the ledger."""
    command = [sys.executable, "-m", "huitou", "erase", GONE, "--data-dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not asked(folder):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.002)
    return process


def unfinished(folder: Path) -> bool:
    with contextlib.closing(sqlite3.connect(f"file:{folder / 'ledger.db'}?mode=ro", uri=True)) as connection:
        return bool(connection.execute("SELECT count(*) FROM erasures WHERE finished_at IS NULL").fetchone()[0])


def test_a_killed_erasure_is_finished_by_the_next_run(tmp_path: Path) -> None:
    write_shop(tmp_path / "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "timed")
    process, started = begun_erasure(tmp_path / "timed"), time.perf_counter()
    while unfinished(tmp_path / "timed"):
        assert process.poll() in {None, 0}
    takes, interrupted = time.perf_counter() - started, 0  # on this machine, as busy as it is
    assert process.wait() == 0
    for kill in range(_KILLS):
        folder = tmp_path / f"data-{kill}"
        shutil.copytree(tmp_path / "whole", folder)
        process = begun_erasure(folder)
        try:
            process.wait(timeout=takes * kill / _KILLS)  # from the first place to nearly the last
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        ledger = open_ledger(FeatureSettings(data_dir=folder))
        with ledger.database.reading() as connection:
            interrupted += bool(erasing.unfinished(connection))
            begun = "events" not in tables_of(ledger, GONE)
        ledger.close()
        again = ["erase", "--resume"] if begun else ["erase", GONE]
        assert CliRunner().invoke(app, [*again, "--data-dir", str(folder)]).exit_code == 0
        assert left(folder) == []
        assert STAYS in (folder / "scores.csv").read_text(encoding="utf-8")
    assert interrupted, "no run was killed in the middle"


def test_it_says_what_it_removed_and_can_be_repeated(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    write_shop(folder)
    first = CliRunner().invoke(app, ["erase", GONE, "--data-dir", str(folder)])
    assert first.exit_code == 0
    assert "finished" in first.output
    assert "2,000 events" in first.output
    assert GONE not in first.output
    assert left(folder) == []
    assert CliRunner().invoke(app, ["erase", GONE, "--data-dir", str(folder)]).exit_code == 0
    assert "Nothing is left" in CliRunner().invoke(app, ["erase", "--resume", "--data-dir", str(folder)]).output


@pytest.mark.parametrize("arguments", [[], [GONE, "--resume"]])
def test_either_a_customer_or_resume(arguments: list[str], tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["erase", *arguments, "--data-dir", str(tmp_path)]).exit_code == 2


def test_an_unfinished_erasure_keeps_what_it_needs_and_no_more(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    write_shop(folder)
    ledger = open_ledger(FeatureSettings(data_dir=folder))
    erasing.begin(ledger, GONE, actor="test")
    assert tables_of(ledger, GONE) == ["erasures"]
    erasing.begin(ledger, GONE, actor="test")
    with ledger.database.reading() as connection:
        assert len(erasing.unfinished(connection)) == 1
    ledger.close()
