"""Secrets that stand in a file instead of a variable: `HUITOU_LEDGER_URL_FILE=/run/secrets/ledger` for `HUITOU_LEDGER_URL`.

Environments are inherited by every child, shown by container tools and kept in unit files; a file has an owner and a mode.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource

from features.errors import HuitouError

SUFFIX = "_FILE"


def is_secret(field: FieldInfo) -> bool:
    """Whether a setting may hold a secret: it is the one that is not shown."""
    return not field.repr


class SecretFiles(EnvSettingsSource):
    """Reads each setting that may hold a secret from the file that `<its variable>_FILE` names."""

    def __call__(self) -> dict[str, Any]:
        """Field → the file's text without the white space around it. By itself: pydantic would wrap our errors into its own.

        Raises:
            HuitouError: a file cannot be read, is empty, or its setting is given both ways.
        """
        found: dict[str, Any] = {}
        for name, field in self.settings_cls.model_fields.items():
            variable = f"{self.env_prefix}{name}".lower()
            told = self.env_vars.get(variable + SUFFIX.lower())
            if is_secret(field) and told:
                shown = f"Setting {(variable + SUFFIX).upper()}"
                if self.env_vars.get(variable):
                    raise HuitouError(f"{shown}: {variable.upper()} is set, too; keep one of them.")
                found[name] = _read(Path(told), shown)
        return found


def _read(path: Path, shown: str) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise HuitouError(f"{shown}: {path} cannot be read ({getattr(error, 'strerror', None) or 'it is not UTF-8'}).") from error
    if not text:
        raise HuitouError(f"{shown}: {path} is empty.")
    return text


class SettingsWithSecrets(BaseSettings):
    """Settings of which some may stand in files."""

    @classmethod
    def settings_customise_sources(  # the names are pydantic's
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given counts first, then variables, then files that variables name; nothing else is read."""
        return init_settings, env_settings, SecretFiles(settings_cls)
