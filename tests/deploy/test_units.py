"""The unit files: understood by systemd where it is there, and alike where they must be."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.deployment import INSTALLED, UNITS, started, unit

SERVICES = ("huitou-api.service", "huitou-worker.service", "huitou-nightly.service")


def test_a_unit_is_read_with_all_the_values_of_a_key() -> None:
    assert [command[1] for command in started("huitou-nightly.service")] == ["build", "train", "retain", "doctor"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_understands_them(tmp_path: Path) -> None:
    for path in UNITS.glob("huitou-*"):
        lines = path.read_text(encoding="utf-8").replace(INSTALLED, shutil.which("true") or "").splitlines()
        # The user is made at installation; here there is none.
        (tmp_path / path.name).write_text("\n".join(line for line in lines if not line.startswith(("User=", "Group="))), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", *sorted(map(str, tmp_path.iterdir()))], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr.strip()) == (0, "")


def test_all_run_as_the_same_user_on_the_same_folder_and_are_shut_in() -> None:
    services = [unit(name)["Service"] for name in SERVICES]
    shared = [key for key in services[0] if key.startswith(("Protect", "Private", "Restrict", "User", "Group", "UMask", "State", "System"))]
    assert len(shared) > 15
    for key in (*shared, "EnvironmentFile", "NoNewPrivileges", "CapabilityBoundingSet"):
        assert [service[key] for service in services] == [services[0][key]] * 3, key
    data_dir = "HUITOU_DATA_DIR=/var/lib/huitou"
    assert all(data_dir in service["Environment"][0].split() for service in services)
    assert services[0]["StateDirectory"] == ["huitou"]  # below /var/lib, made and owned by systemd


def test_the_timer_has_its_service() -> None:
    assert (UNITS / "huitou-nightly.service").is_file()
    assert unit("huitou-nightly.timer")["Timer"]["Persistent"] == ["yes"]
