"""Killed or failing at any file operation, folding leaves the history before or the history after, and the next run finishes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from features.folding.compact import compact
from features.folding.folded import folded_until
from features.settings import FeatureSettings
from features.warehouse import open_warehouse
from tests.features.folding.happenings import LedgerShop, happened, ordered

_OPERATIONS = ("open", "os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "shutil.rmtree", "tempfile.mkdtemp")
# The interpreter itself reports every file operation before it does it; nothing of what is tested is replaced.
_CHILD = f"""
import os, signal, sys
from pathlib import Path
from features.folding.compact import compact
from features.settings import FeatureSettings
folder, dies_at, seen = sys.argv[1], int(sys.argv[2]), 0
def watch(event, args):
    global seen
    # Opened by descriptor to be read: only to wait for the disk, which changes nothing.
    synced = event == "open" and args[1] is None and args[2] & 3 == os.O_RDONLY
    if event in {_OPERATIONS!r} and args and not synced and str(args[0]).startswith(folder):
        seen += 1
        if seen == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(watch)
compact(FeatureSettings(data_dir=Path(folder)))
"""


def _only_synced(event: str, args: tuple[Any, ...]) -> bool:
    """Opened by descriptor to be read: only to wait for the disk, which changes nothing."""
    return event == "open" and args[1] is None and args[2] & 3 == os.O_RDONLY


@dataclass
class _Watch:
    """Counts file operations below a folder, and fails one of them. Hooks cannot be taken away, so it is switched off."""

    folder: str = ""
    fails_at: int = 0
    seen: int = field(default=0)

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if self.folder and event in _OPERATIONS and args and str(args[0]).startswith(self.folder) and not _only_synced(event, args):
            self.seen += 1
            if self.seen == self.fails_at:
                raise OSError(5, "Input/output error", str(args[0]))


@pytest.fixture(scope="module")
def watch() -> Iterator[_Watch]:
    found = _Watch()
    sys.addaudithook(found)
    yield found
    found.folder = ""


@contextmanager
def _failing(watch: _Watch, folder: Path, at: int) -> Iterator[_Watch]:
    watch.folder, watch.fails_at, watch.seen = str(folder), at, 0
    try:
        yield watch
    finally:
        watch.folder = ""


@dataclass(frozen=True)
class _News:
    """A shop that was folded once and has new events since: the hash of its history before and after them, and until when it knows then."""

    folder: Path
    before: str
    after: str
    until: int

    def copy(self, folder: Path) -> FeatureSettings:
        """The shop, still before the news, in another folder."""
        return FeatureSettings(data_dir=Path(shutil.copytree(self.folder, folder, dirs_exist_ok=True)))


@pytest.fixture(scope="module")
def news(tmp_path_factory: pytest.TempPathFactory) -> _News:
    settings = FeatureSettings(data_dir=tmp_path_factory.mktemp("news"))
    shop = LedgerShop.open(settings)
    shop.tell(ordered("o1", "ana", 0), ordered("o2", "ben", 1), happened("tag_added", "ana", 2, tag="dry skin"))
    shop.compact()
    before = shop.version
    shop.tell(
        ordered("o1", "ana", 0, message="corrected", total=3), happened("order_cancelled", "ben", 4, order_id="o2"), ordered("o3", "cas", 5)
    )
    shop.link("cas", "ana")
    shop.ledger.close()
    whole = _News(settings.data_dir, before, "", 0).copy(tmp_path_factory.mktemp("whole"))
    compact(whole)
    after = open_warehouse(whole).version
    assert after != before
    return _News(settings.data_dir, before, after, folded_until(whole))


def test_an_error_at_any_file_operation_leaves_a_whole_history_and_the_next_run_finishes(
    news: _News, watch: _Watch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    at, failed = 0, 0
    while True:
        at += 1
        settings = news.copy(tmp_path_factory.mktemp("failing"))
        with _failing(watch, settings.data_dir, at) as watching:
            try:
                compact(settings)
            except Exception:  # whatever the failing operation becomes
                failed += 1
        assert open_warehouse(settings).version in {news.before, news.after}, at
        compact(settings)
        assert (open_warehouse(settings).version, folded_until(settings)) == (news.after, news.until), at
        assert not compact(settings).changed
        if watching.seen < at:
            break
    assert failed > 20


@pytest.mark.parametrize("part", range(8))
def test_killed_anywhere_the_next_run_finishes(part: int, news: _News, watch: _Watch, tmp_path_factory: pytest.TempPathFactory) -> None:
    counted = news.copy(tmp_path_factory.mktemp("counted"))
    with _failing(watch, counted.data_dir, 0) as watching:
        compact(counted)
    dies_at = 1 + part * (watching.seen - 1) // 8
    settings = news.copy(tmp_path_factory.mktemp("killed"))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    killed = subprocess.run([sys.executable, "-c", _CHILD, str(settings.data_dir), str(dies_at)], env=environment, check=False)

    assert killed.returncode == -signal.SIGKILL
    assert open_warehouse(settings).version in {news.before, news.after}
    compact(settings)
    assert (open_warehouse(settings).version, folded_until(settings)) == (news.after, news.until)
    report = json.loads((open_warehouse(settings).folder / "import.json").read_text(encoding="utf-8"))
    assert report["ledger"]["kept"] == {"order_cancelled": 1, "order_completed": 4, "tag_added": 1}
