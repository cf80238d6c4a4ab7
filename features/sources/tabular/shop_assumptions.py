"""The assumptions file of a shop that brings its own files: placeholders for money, and the consent that the person who imports states."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from features.assumptions import FILE, load_assumptions

_TEMPLATE = Path(__file__).parent / "assumptions.toml"
UNKNOWN_CURRENCY = "XXX"  # ISO 4217: no currency


def install_shop_assumptions(data_dir: Path, currency: str | None, channels: Sequence[str]) -> bool:
    """Write the file unless there is one; consent is never assumed.

    Args:
        data_dir: folder of the data.
        currency: ISO 4217 code, as stated.
        channels: channels that customers agreed to, as stated.

    Returns:
        Whether it was written; an existing one is yours and is not touched.
    """
    target = data_dir / FILE
    if target.exists():
        return False
    written = _TEMPLATE.read_text(encoding="utf-8")
    written = written.replace('"@CURRENCY@"', json.dumps(currency or UNKNOWN_CURRENCY)).replace("@CHANNELS@", json.dumps(list(channels)))
    data_dir.mkdir(parents=True, exist_ok=True)
    target.write_text(written, encoding="utf-8")
    load_assumptions(target)
    return True
