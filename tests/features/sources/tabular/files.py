"""Small files as shops write them, and the import of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from features.import_consent import ImportConsent
from features.settings import FeatureSettings
from features.sources.tabular.importing import Imported, learned, plan, run
from features.sources.tabular.mapping import FILE, load_mapping, save_mapping

NOW = datetime(2025, 6, 1, tzinfo=UTC)

CLEAN = """order_id,customer_id,ordered_at,product_id,product_name,quantity,amount
1,ann,2024-01-05 10:00:00,P1,Soap,2,5.00
1,ann,2024-01-05 10:00:00,P2,Bread,1,3.50
2,bob,2024-01-06 11:30:00,P1,Soap,1,2.50
3,,2024-01-07 12:00:00,P2,Bread,1,3.50
4,ann,2024-02-01 09:00:00,P1,Soap,3,7.50
"""


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def import_files(data: Path, files: dict[str, Sequence[Path]], *, replace: bool = False) -> Imported:
    """As the command does: plan with the mapping file, import, remember the mapping."""
    settings = FeatureSettings(data_dir=data)
    known = load_mapping(data / FILE)
    planned = plan(settings, files, known, lambda _: None)
    imported = run(settings, planned, now=NOW, replace=replace, consent=ImportConsent.GRANTED)
    save_mapping(data / FILE, learned(known, planned))
    return imported


def import_orders(data: Path, *paths: Path) -> Imported:
    return import_files(data, {"orders": list(paths)})
