"""The command as a whole: help, exit codes, and one clear sentence instead of a traceback."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from features.errors import HuitouError
from tests.huitou.conftest import Huitou

COMMANDS = ("import", "doctor", "build", "train", "serve", "score", "explain", "campaign", "demo")


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let the work behind `huitou build` fail."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("features.build.build_features", fail)


def test_defaults_that_the_environment_gives_are_in_the_help(huitou: Huitou) -> None:
    assert "[default: HUITOU_DATA_DIR or ./data]" in huitou("build", "--help").out


def test_help_names_every_command_and_the_exit_codes(huitou: Huitou) -> None:
    ran = huitou("--help")
    assert (ran.code, ran.err) == (0, "")
    for command in COMMANDS:
        assert command in ran.out
    assert "Exit codes: 0 done, 1 refused with a reason, 2 wrong usage, 130 interrupted." in ran.out


@pytest.mark.parametrize(
    "command",
    [["build"], ["train"], ["doctor", "data"], ["import", "complete-journey"], ["serve"], ["score"], ["explain"], ["campaign", "at-risk"]],
)
def test_every_command_explains_itself(huitou: Huitou, command: list[str]) -> None:
    ran = huitou(*command, "-h")
    assert ran.code == 0
    assert "--data-dir" in ran.out


@pytest.mark.parametrize("arguments", [["nonsense"], ["build", "--nonsense"], ["import", "nonsense"], ["build", "--force=maybe"]])
def test_wrong_usage_is_two(huitou: Huitou, arguments: list[str]) -> None:
    ran = huitou(*arguments)
    assert ran.code == 2
    assert "Traceback" not in ran.err
    assert ran.err


def test_serving_what_was_never_built_is_refused_like_everything_else(huitou: Huitou) -> None:
    ran = huitou("serve", "--port", 0)
    assert ran.code == 1
    assert ran.refusal.endswith("run `huitou build` first.")


def test_a_known_error_is_one_sentence_shown_as_it_is(huitou: Huitou, monkeypatch: pytest.MonkeyPatch) -> None:
    sentence = "Table orders lacks the column(s) order_id; found [/data/my [old] shop]."
    failing(monkeypatch, HuitouError(sentence))
    ran = huitou("build")
    assert ran.code == 1
    assert ran.refusal == f"huitou: {sentence}"  # brackets are not read as markup


def test_a_full_disk_says_what_to_do(huitou: Huitou, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, OSError(errno.ENOSPC, "No space left on device"))
    ran = huitou("build")
    assert ran.code == 1
    assert "The disk is full; free some space" in ran.refusal


def test_a_data_folder_that_is_a_file_is_named(huitou: Huitou, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = huitou("import", "complete-journey", "--data-dir", tmp_path / "file", "--folder", tmp_path)
    assert ran.code == 1
    assert str(tmp_path) in ran.refusal


def test_an_interruption_is_130(huitou: Huitou, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, KeyboardInterrupt())
    ran = huitou("build")
    assert ran.code == 130
    assert "previous state is untouched" in ran.err


@pytest.mark.parametrize("error", [ValueError("a bug"), OSError(errno.EIO, "a bug without a file")])
def test_a_bug_keeps_its_traceback(huitou: Huitou, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    failing(monkeypatch, error)
    with pytest.raises(type(error), match="a bug"):
        huitou("build")


@pytest.mark.parametrize(("name", "value"), [("HUITOU_THREADS", "0"), ("HUITOU_THREADS", "many"), ("HUITOU_ENGINE", "abacus")])
def test_a_wrong_setting_is_named(huitou: Huitou, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    ran = huitou("build")
    assert ran.code == 1
    assert ran.refusal.startswith(f"huitou: Setting {name}: Input should be")


def test_the_installed_command_starts_without_anything_heavy() -> None:
    code = "import sys; import huitou.main; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"polars", "ibis", "duckdb", "feast", "mlflow", "lightgbm", "numpy", "pandas", "sklearn", "scipy", "matplotlib", "fastapi"}
    assert not heavy & set(loaded)
    ran = subprocess.run(
        [sys.executable, "-m", "huitou", "build", "--data-dir", "/dev/null/x"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    assert "huitou import complete-journey" in ran.stderr
    assert "Traceback" not in ran.stderr
