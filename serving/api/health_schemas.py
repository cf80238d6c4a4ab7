"""Answers of `/healthz` and `/readyz`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Health(BaseModel):
    """The process answers."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok"}]})

    status: Literal["ok"] = "ok"


class ModelState(BaseModel):
    """One model."""

    version: str | None = Field(description="What answers; null when nothing does.")
    problem: str | None = Field(
        description="Why it is missing or not the champion. That a history does not allow channel_churn is no problem of the service."
    )


class PartState(BaseModel):
    """One of what the service lives on."""

    state: Literal["ok", "degraded"]
    problem: str | None


class Freshness(BaseModel):
    """How far the features are behind the events."""

    events_behind: int = Field(description="Events that no customer's features know yet.")
    oldest_event_seconds: float = Field(description="Since when the oldest of them waits.")


class Readiness(BaseModel):
    """What can be answered, and why not the rest."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": "degraded",
                    "models": {"items": {"version": None, "problem": "The model items was never trained here; run `huitou train items`."}},
                    "parts": {
                        "models": {"state": "degraded", "problem": "The model items was never trained here; run `huitou train items`."},
                        "ledger": {"state": "ok", "problem": None},
                    },
                    "problems": {"items": "The model items was never trained here; run `huitou train items`."},
                    "as_of": "2018-01-01T04:01:20Z",
                    "now": "2018-01-01T04:01:20Z",
                    "freshness": {"events_behind": 0, "oldest_event_seconds": 0.0},
                    "feature_age_days": 0.0,
                    "online_version": "v-2eb8728fd4b15b59-72p3n4a8",
                    "assumptions": "complete-journey-assumptions@1f0c2d3e",
                }
            ]
        }
    )

    status: Literal["ready", "degraded"]
    models: dict[str, ModelState]
    parts: dict[str, PartState] = Field(
        description="Models, online store, ledger, decisions on their way to it, worker, registry: each was tried just now."
    )
    problems: dict[str, str] = Field(description="Part → the cause, models included.")
    as_of: datetime
    now: datetime = Field(description="The service's clock.")
    freshness: Freshness | None = Field(description="Null where it is not known: see `problems`.")
    feature_age_days: float
    online_version: str
    assumptions: str
