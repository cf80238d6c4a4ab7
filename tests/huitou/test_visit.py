"""The API in a process of its own: imported ahead, started when told, gone when nobody wants it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from features.errors import HuitouError
from huitou.visit import warm_api


def test_a_service_that_cannot_start_says_why(tmp_path: Path) -> None:
    with warm_api(tmp_path / "nothing") as warm, pytest.raises(HuitouError, match=r"stopped before it was ready: .*huitou") as refused:
        warm.start()
    assert "Traceback" not in str(refused.value)
    assert warm.process.poll() is not None


def test_a_block_left_early_leaves_no_process(tmp_path: Path) -> None:
    with pytest.raises(KeyError), warm_api(tmp_path) as warm:
        raise KeyError
    assert warm.process.poll() is not None


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux lets a process watch one that is not its child")
def test_it_goes_when_its_parent_does(tmp_path: Path) -> None:
    script = f"""
import os
from pathlib import Path
from huitou.visit import warm_api
with warm_api(Path({str(tmp_path)!r})) as warm:
    print(warm.process.pid, flush=True)
    os._exit(0)
"""
    root = str(Path(__file__).parents[2])
    parent = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True, timeout=100, cwd=root)
    try:
        child = os.pidfd_open(int(parent.stdout))
    except ProcessLookupError:
        return  # it has gone already
    ended, _, _ = select.select([child], [], [], 90.0)
    os.close(child)
    assert ended
