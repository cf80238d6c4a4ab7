"""A built shop to serve, small enough to start at once."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import SampleBuild


@pytest.fixture
def built_shop(sample_build: SampleBuild, tmp_path: Path) -> Path:
    """A data folder of the test's own: built, nothing trained."""
    folder = tmp_path / "shop"
    shutil.copytree(sample_build.settings.data_dir, folder)
    return folder
