from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from features.errors import StateMissing
from features.ledger.events import Event
from features.ledger.ledger import open_ledger
from features.settings import FeatureSettings
from huitou.deployment.check import Verdict
from huitou.deployment.state import clock, models, online_state
from tests.huitou.deployment.conftest import Deployed
from tests.serving.small_shop import AS_OF


def happened(folder: Path, days: float) -> None:
    """An event so many days after the features."""
    ledger = open_ledger(FeatureSettings(data_dir=folder))
    event = Event(f"m{days}", "product_viewed", "c000", AS_OF + timedelta(days=days), "segment", "{}")
    ledger.append([event])
    ledger.close()


def test_all_is_well(deployed: Deployed) -> None:
    for check in (online_state, models, clock):
        assert check(deployed()).verdict is Verdict.OK
    assert "return_hazard 1-0a1b2c3d" in models(deployed()).says


def test_no_build(deployed: Deployed, folder: Path) -> None:
    shutil.rmtree(folder / "online")
    with pytest.raises(StateMissing, match="huitou build"):
        online_state(deployed())


def test_an_old_build(deployed: Deployed, folder: Path) -> None:
    happened(folder, 13.9)
    assert online_state(deployed()).verdict is Verdict.OK
    happened(folder, 14.1)
    found = online_state(deployed())
    assert found.verdict is Verdict.FAILED
    assert "14.1 days" in found.says
    assert "huitou build" in found.remedy


def test_models_that_are_broken_or_were_never_trained(deployed: Deployed, folder: Path) -> None:
    shutil.rmtree(folder / "models" / "value")
    found = models(deployed())
    assert found.verdict is Verdict.WARNING
    assert "value" in found.says
    (champion,) = (folder / "models" / "items").glob("1-*")
    file = max((path for path in champion.iterdir() if path.suffix != ".json"), key=lambda path: path.stat().st_size)
    file.write_bytes(file.read_bytes()[:-1])
    found = models(deployed())
    assert found.verdict is Verdict.FAILED
    assert "items" in found.says
    assert found.remedy == "Run `huitou train items`."


def test_the_clock(deployed: Deployed, folder: Path) -> None:
    assert "days old" in clock(deployed(wall=AS_OF + timedelta(days=3))).says
    assert clock(deployed(wall=AS_OF - timedelta(minutes=9))).verdict is Verdict.OK
    ahead = clock(deployed(wall=AS_OF - timedelta(minutes=11)))
    assert (ahead.verdict, ahead.remedy) == (Verdict.FAILED, "Set the machine's clock.")
    happened(folder, 1)
    assert clock(deployed()).verdict is Verdict.FAILED
    assert clock(deployed(wall=AS_OF + timedelta(days=1))).verdict is Verdict.OK


def test_a_clock_that_is_held(deployed: Deployed) -> None:
    assert clock(deployed(now=AS_OF - timedelta(seconds=1))).verdict is Verdict.FAILED
    assert clock(deployed(now=AS_OF)).verdict is Verdict.WARNING
