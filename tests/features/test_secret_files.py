"""A secret in a file: read for what may be secret, never for anything else, and refused where it is doubtful."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.errors import HuitouError
from features.settings import FeatureSettings
from serving.settings import ServingSettings
from training.settings import TrainingSettings

URL = "postgresql://huitou:s3cret@db/huitou"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(f"{URL}\n")
    return path


def test_a_secret_is_read_from_the_file_and_not_shown(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LEDGER_URL", "TRACKING_URI", "WRITE_KEYS"):
        monkeypatch.setenv(f"HUITOU_{name}_FILE", str(secret))
    serving = ServingSettings()
    assert (FeatureSettings().ledger_url, serving.ledger_url, serving.accepted_keys) == (URL, URL, (URL,))
    assert TrainingSettings().tracking_uri == URL
    for settings in (FeatureSettings(), serving, TrainingSettings()):
        assert "s3cret" not in repr(settings)


def test_what_is_given_counts_before_the_file(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUITOU_LEDGER_URL_FILE", str(secret))
    assert FeatureSettings(ledger_url="sqlite:///x").ledger_url == "sqlite:///x"


def test_only_secrets_are_read_from_files(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUITOU_DATA_DIR_FILE", str(secret))
    assert FeatureSettings().data_dir == Path("data")


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff"])
def test_a_file_that_holds_none_is_refused_by_name(tmp_path: Path, content: bytes | None, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("HUITOU_LEDGER_URL_FILE", str(path))
    with pytest.raises(HuitouError, match=f"Setting HUITOU_LEDGER_URL_FILE: {path}"):
        FeatureSettings()


def test_both_ways_at_once_is_refused(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUITOU_LEDGER_URL_FILE", str(secret))
    monkeypatch.setenv("HUITOU_LEDGER_URL", "sqlite:///x")
    with pytest.raises(HuitouError, match="HUITOU_LEDGER_URL is set, too") as told:
        FeatureSettings()
    assert "s3cret" not in str(told.value)
