"""One million order lines through `huitou import tabular`, beside reading the same file with pandas.

Run: `python -m benchmarks.import_speed`. The file is made by a seed: dirty in one line of a hundred, a tenth of the lines without a
customer. Both sides run in a process of their own, so that time and memory are their own. pandas only reads the file, parses the times
and writes Parquet: no checks, no quarantine, no refunds.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

LINES = 1_000_000
_PANDAS = """
import sys, pandas as pd
frame = pd.read_csv(sys.argv[1], dtype=str)
frame["ordered_at"] = pd.to_datetime(frame["ordered_at"], errors="coerce")
for column in ("quantity", "amount"):
    frame[column] = pd.to_numeric(frame[column], errors="coerce")
frame.to_parquet(sys.argv[2])
"""
_PEAK = "import resource; print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"


def write_orders(path: Path, lines: int = LINES, seed: int = 1) -> None:
    """Write a shop's order lines as CSV."""
    rng = np.random.default_rng(seed)
    orders = np.sort(rng.integers(0, lines // 8, lines))
    customer = rng.integers(0, lines // 40, lines // 8)[orders]
    seconds = np.sort(rng.integers(0, 700 * 86_400, lines // 8))[orders]
    frame = pl.DataFrame(
        {
            "order_id": orders,
            "customer_id": customer,
            "ordered_at": pl.Series(1_650_000_000 + seconds).cast(pl.Int64) * 1_000_000,
            "product_id": rng.integers(0, 20_000, lines),
            "product_name": rng.integers(0, 20_000, lines),
            "quantity": rng.integers(1, 5, lines),
            "amount": rng.integers(100, 9_000, lines) / 100,
        }
    )
    dirty = pl.Series(rng.random(lines))
    frame = frame.with_columns(
        pl.when(pl.Series(rng.random(lines // 8)[orders]) > 0.1).then(pl.format("c{}", "customer_id")).alias("customer_id"),
        pl.col("ordered_at").cast(pl.Datetime("us")).dt.strftime("%Y-%m-%d %H:%M:%S"),
        pl.format("P{}", "product_id"),
        pl.format("Product number {}", "product_name"),
        pl.when(dirty < 0.005).then(pl.lit("many")).otherwise(pl.col("quantity").cast(pl.String)).alias("quantity"),
        pl.when(dirty > 0.995).then(pl.lit("")).otherwise(pl.col("amount").cast(pl.String)).alias("amount"),
    )
    frame.write_csv(path)


def measured(command: list[str]) -> tuple[float, int]:
    """Wall seconds and peak MB of a process."""
    started = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - our own commands
        [
            sys.executable,
            "-c",
            f"import subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); {_PEAK}",
            *command,
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    return time.perf_counter() - started, int(done.stdout.split()[-1])


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "orders.csv"
        write_orders(path)
        print(f"{LINES:,} lines, {path.stat().st_size / 1e6:.0f} MB")
        ours = measured(
            [sys.executable, "-m", "huitou", "import", "tabular", "--orders", str(path), "--data-dir", str(folder / "data"), "--yes"]
        )
        again = measured([sys.executable, "-m", "huitou", "import", "tabular", "--orders", str(path), "--data-dir", str(folder / "data")])
        peer = measured([sys.executable, "-c", _PANDAS, str(path), str(folder / "pandas.parquet")])
        for side, (seconds, peak) in {"huitou import tabular": ours, "again, unchanged": again, "pandas, reading only": peer}.items():
            print(f"{side:<24} {seconds:6.1f} s {peak:6,} MB  {seconds / peer[0]:5.2f} x pandas")


if __name__ == "__main__":
    main()
