"""The sample shop as the tests know it: `features.sources.sample_shop`, whose awkward customers and moments they name."""

from __future__ import annotations

from features.sources.sample_catalogue import EXCLUDED, UNKNOWN_PRODUCT
from features.sources.sample_lives import EDGE, IDLE, START, STRANGER, TICK, WEEK
from features.sources.sample_shop import ASSUMPTIONS as _SHIPPED
from features.sources.sample_shop import Tables, campaigns, sample_tables

ASSUMPTIONS = _SHIPPED.read_text(encoding="utf-8")

__all__ = [
    "ASSUMPTIONS",
    "EDGE",
    "EXCLUDED",
    "IDLE",
    "START",
    "STRANGER",
    "TICK",
    "UNKNOWN_PRODUCT",
    "WEEK",
    "Tables",
    "campaigns",
    "sample_tables",
]
