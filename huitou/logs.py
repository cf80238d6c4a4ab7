"""How the running processes say what happens: sentences for a person, or one JSON object a line for a machine."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class LogSettings(BaseSettings):
    """Settings of what `huitou serve` and `huitou work` write to standard error; environment variables carry the prefix `HUITOU_`."""

    model_config = SettingsConfigDict(env_prefix="HUITOU_", frozen=True, extra="ignore")

    log_format: Literal["text", "json"] = Field(
        default="text", description="`text`: sentences; `json`: one object a line, with time, level, logger and message."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="warning",
        description="What is worth a line. From `info` on one a request: route, status, time, the decision's id; never whose it is.",
    )


class OwnHandler(logging.StreamHandler[TextIO]):
    """Ours, so that it is told from one that somebody else put beside it."""


class JsonLines(logging.Formatter):
    """One JSON object a record, on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        told |= getattr(record, "about", {})
        if record.exc_info and record.exc_info[0] is not None:
            told["error"] = record.exc_info[0].__name__
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False, default=str)


def set_up_logs(settings: LogSettings) -> None:
    """Write this process's log to standard error, as the settings say; other libraries' notes count from warnings on.

    Args:
        settings: form and level.
    """
    handler = OwnHandler(sys.stderr)
    handler.setFormatter(JsonLines() if settings.log_format == "json" else logging.Formatter("%(message)s"))
    root = logging.getLogger()
    for old in [one for one in root.handlers if isinstance(one, OwnHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("huitou").setLevel(settings.log_level.upper())
