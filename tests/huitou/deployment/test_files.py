from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from features.errors import SourceUnreadable
from huitou.deployment.check import Check, Verdict
from huitou.deployment.files import assumptions, data_folder, disk, policy
from serving.errors import ContactPolicyRefused
from tests.huitou.deployment.conftest import Deployed


@pytest.mark.parametrize("check", [data_folder, disk, assumptions, policy])
def test_all_is_well(deployed: Deployed, check: Callable[..., Check]) -> None:
    found = check(deployed())
    assert (found.verdict, found.remedy) == (Verdict.OK, "")


def test_a_folder_that_is_not_there(deployed: Deployed, folder: Path) -> None:
    shutil.rmtree(folder)
    assert data_folder(deployed()).verdict is Verdict.FAILED


def test_a_folder_that_cannot_be_written(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refused)
    found = data_folder(deployed())
    assert found.verdict is Verdict.FAILED
    assert "chown" in found.remedy


def test_somebody_elses_file_in_it(deployed: Deployed, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).name != "models")
    found = data_folder(deployed())
    assert found.verdict is Verdict.FAILED
    assert "models" in found.says


def test_a_folder_that_everybody_reads(deployed: Deployed, folder: Path) -> None:
    folder.chmod(0o755)
    found = data_folder(deployed())
    assert found.verdict is Verdict.WARNING
    assert "chmod o-rwx" in found.remedy


def test_keys_that_others_read(deployed: Deployed, folder: Path) -> None:
    (folder / "keys.toml").write_text("")
    (folder / "keys.toml").chmod(0o640)
    assert "chmod 600" in data_folder(deployed()).remedy
    (folder / "keys.toml").chmod(0o600)
    assert data_folder(deployed()).verdict is Verdict.OK


def test_a_disk_without_room(deployed: Deployed, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version = (folder / "online" / "CURRENT").read_text().strip()
    with (folder / "online" / version / "large").open("wb") as file:
        file.truncate(2_000_000_000)  # sparse
    for free, verdict in ((255_000_000, Verdict.FAILED), (1_900_000_000, Verdict.FAILED), (3e9, Verdict.WARNING), (7e9, Verdict.OK)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        found = disk(deployed())
        assert found.verdict is verdict
        assert "2.0 GB" in found.says


def test_assumptions_that_were_changed_since_the_build(deployed: Deployed, folder: Path) -> None:
    path = folder / "assumptions.toml"
    path.write_text(path.read_text().replace("default = 0.3", "default = 0.4"))
    found = assumptions(deployed())
    assert found.verdict is Verdict.WARNING
    assert "huitou build" in found.remedy


def test_assumptions_that_cannot_be_read(deployed: Deployed, folder: Path) -> None:
    (folder / "assumptions.toml").write_text("name = 3")
    with pytest.raises(SourceUnreadable, match="field"):
        assumptions(deployed())


def test_a_policy_that_is_wrong_or_does_not_suit(deployed: Deployed, folder: Path) -> None:
    (folder / "policy.toml").write_text("[exploration]\nshare = 7")
    with pytest.raises(SourceUnreadable):
        policy(deployed())
    (folder / "policy.toml").write_text('[[contact.caps]]\nmost = 1\nperiod = "week"\nchannel = "pigeon"\n')
    with pytest.raises(ContactPolicyRefused, match="pigeon"):
        policy(deployed())
