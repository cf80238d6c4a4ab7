"""Writing a history whose customers agreed to everything: what most tests start from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from features import warehouse
from features.import_consent import ImportConsent
from features.settings import FeatureSettings
from features.warehouse import Warehouse


def write_warehouse(settings: FeatureSettings, tables: Mapping[str, pl.DataFrame], report: Mapping[str, Any], inputs: object) -> Warehouse:
    """As `features.warehouse.write_warehouse`, with everybody's consent."""
    return warehouse.write_warehouse(settings, tables, report, inputs, consent=ImportConsent.GRANTED)
