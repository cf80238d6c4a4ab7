"""Shared options: the clock, and which setting wins."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer

from huitou.options import clock, feature_settings


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2017-12-24", datetime(2017, 12, 24, tzinfo=UTC)),
        ("2017-12-24T18:00:00Z", datetime(2017, 12, 24, 18, tzinfo=UTC)),
        ("2017-12-24T18:00:00", datetime(2017, 12, 24, 18, tzinfo=UTC)),
        ("2017-12-25T02:00:00+08:00", datetime(2017, 12, 24, 18, tzinfo=UTC)),
        ("2017-12-24T18:00:00.000001Z", datetime(2017, 12, 24, 18, 0, 0, 1, tzinfo=UTC)),
    ],
)
def test_the_clock_is_utc(text: str, moment: datetime) -> None:
    found = clock(text)
    assert found == moment
    assert found is not None
    assert found.tzinfo is UTC


def test_no_clock_is_given() -> None:
    assert clock(None) is None


@pytest.mark.parametrize("text", ["", "yesterday", "2017-13-01", "24.12.2017", "2017-12-24T25:00"])
def test_what_is_no_date_is_wrong_usage(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is not a date such as 2017-12-24"):
        clock(text)


def test_the_option_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HUITOU_DATA_DIR", str(tmp_path / "environment"))
    monkeypatch.setenv("HUITOU_THREADS", "1")
    assert feature_settings(None).data_dir == tmp_path / "environment"
    settings = feature_settings(tmp_path / "option")
    assert (settings.data_dir, settings.threads) == (tmp_path / "option", 1)
