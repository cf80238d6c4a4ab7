"""A million events of one customer into the ledger: whether the last are kept as fast as the first.

Run: `python -m benchmarks.one_customer [--ledger URL] [--events 1000000]`; without a URL a SQLite file is made. It is left as it is.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from features.ledger import events as ledger_events
from features.ledger.events import Event
from features.ledger.ledger import open_ledger
from features.settings import FeatureSettings

GROUP = 1000


def main() -> None:
    """Write, and say how fast each tenth went; then read the customer's history once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ledger")
    parser.add_argument("--events", type=int, default=1_000_000)
    told = parser.parse_args()
    at, tenth = datetime.now(UTC), told.events // 10
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_ledger(FeatureSettings(data_dir=Path(folder), ledger_url=told.ledger))
        for part in range(10):
            began = time.perf_counter()
            for start in range(part * tenth, (part + 1) * tenth, GROUP):
                ledger.append(
                    [Event(f"m{n}", "product_viewed", "c1", at, "segment", '{"product_id":"1"}') for n in range(start, start + GROUP)]
                )
            print(f"events {part * tenth:>9,} on: {tenth / (time.perf_counter() - began):,.0f} a second", flush=True)
        began = time.perf_counter()
        with ledger.database.reading() as connection:
            read = sum(1 for _ in ledger_events.read_of(connection, ["c1"]))
        print(f"read {read:,} in {time.perf_counter() - began:.1f} seconds", flush=True)
        ledger.close()


if __name__ == "__main__":
    main()
