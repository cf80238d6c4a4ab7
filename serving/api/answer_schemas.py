"""What every answer carries: what it was made from, how fresh that is, and whether a part was missing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from serving.live import Live

PROVENANCE_EXAMPLE: JsonDict = {
    "degraded": False,
    "degraded_reasons": [],
    "model_versions": {"return_hazard": "3-8f2c1a90", "items": "2-77d0b1ce"},
    "assumptions": "complete-journey-assumptions@1f0c2d3e",
    "currency": "USD",
    "as_of": "2018-01-01T04:01:20Z",
}


class DegradedPart(BaseModel):
    """A part that is missing from an answer."""

    part: str = Field(description="Name of the model, or `features`, `customer`, `arm`.")
    reason: str


class Provenance(BaseModel):
    """Fields of every answer."""

    model_config = ConfigDict(frozen=True)

    degraded: bool = Field(description="Whether a part of the answer is missing or old; never a reason to retry.")
    degraded_reasons: list[DegradedPart]
    model_versions: dict[str, str] = Field(description="Model → version that is live, whether or not this answer needed it.")
    assumptions: str = Field(description="`name@hash` of the assumptions that every amount rests on.")
    currency: str
    as_of: datetime = Field(description="What the features look from, UTC.")


class ReasonView(BaseModel):
    """Why, in both languages."""

    code: str
    sentence_en: str = Field(description="For the marketer.")
    sentence_zh: str
    customer_en: str = Field(default="", description="For the customer; empty where nothing should be said to them.")
    customer_zh: str = ""
    effect: float | None = Field(default=None, description="Change of the churn probability against the reference.")


def provenance(live: Live, degraded: Mapping[str, str]) -> dict[str, Any]:
    """Keyword arguments of `Provenance`.

    Args:
        live: the state that answered.
        degraded: part → one sentence.
    """
    return {
        "degraded": bool(degraded),
        "degraded_reasons": [DegradedPart(part=part, reason=reason) for part, reason in degraded.items()],
        "model_versions": dict(live.models.versions),
        "assumptions": live.catalogue.assumptions_version,
        "currency": live.catalogue.assumptions.currency,
        "as_of": live.as_of,
    }
