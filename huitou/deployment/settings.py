"""What `huitou doctor` is told beside the settings of the service."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class DoctorSettings(BaseSettings):
    """Settings of `huitou doctor`; environment variables carry the prefix `HUITOU_`."""

    model_config = SettingsConfigDict(env_prefix="HUITOU_", frozen=True, extra="ignore")

    backup_dir: Path | None = Field(
        default=None, description="Folder in which backups are put; `huitou doctor` then says how old the newest is."
    )
    backup_hours: float = Field(default=26.0, gt=0, description="Age of the newest backup from which `huitou doctor` fails.")
