"""Runs the `huitou` command in this process, as a shell would see it."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from huitou.main import main
from tests.conftest import SampleBuild


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def refusal(self) -> str:
        """The one sentence with which a command refused."""
        lines = [line for line in self.err.splitlines() if line.startswith("huitou:")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        assert lines[0].endswith((".", ")."))
        return lines[0]


Huitou = Callable[..., Ran]


@pytest.fixture
def logs_as_before() -> Iterator[None]:
    """What a command sets up for its process ends with the test: the next one hears everything again."""
    loggers = [logging.getLogger(name) for name in (None, "huitou")]
    before = [(logger, logger.handlers[:], logger.level) for logger in loggers]
    yield
    for logger, handlers, level in before:
        logger.handlers[:] = handlers
        logger.setLevel(level)


@pytest.fixture
def huitou(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, logs_as_before: None) -> Huitou:
    """Runs a command with its arguments; the default data folder is an empty one below the test's own."""
    monkeypatch.setenv("HUITOU_DATA_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr("sys.argv", ["huitou", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_info:
            main()
        said = capsys.readouterr()
        assert isinstance(exit_info.value.code, int)
        return Ran(exit_info.value.code, said.out, said.err)

    return run


@pytest.fixture(scope="session")
def built_folder(sample_build: SampleBuild, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of its own with the sample shop imported and built."""
    folder = tmp_path_factory.mktemp("commands") / "data"
    shutil.copytree(sample_build.settings.data_dir, folder)
    return folder
