"""How fast the customer features are built, beside a hand-written DuckDB query and Feast's own historical join.

Run as `python -m benchmarks.features_speed --data-dir DIR [--json FILE]`, DIR holding an imported history. Purchasing and engagement are
built for every customer at every weekly as-of date. Each contender runs in a process of its own, in turns, with two threads; the same
values are demanded of all. About two minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import polars as pl

from benchmarks import hand_written
from benchmarks.child_process import Cost, cost_of
from benchmarks.larger_shop import larger_shop
from features.build import as_of_dates, customer_spine
from features.settings import FeatureSettings
from features.warehouse import Warehouse, open_warehouse

VIEWS = ("purchasing", "engagement")
THREADS = 2
TOLERANCE = 1e-9  # relative to the greater of 1 and the value: sums are added up in different orders
Work = Callable[[], None]


def ours(settings: FeatureSettings, spine: Path, out: Path) -> Work:
    """The Ibis definitions on the DuckDB engine, as `features.build` runs them."""
    import ibis.backends.duckdb  # Ibis imports a backend when it is first used: an import, so it is not counted

    from features.definitions.engagement import ENGAGEMENT
    from features.definitions.purchasing import PURCHASING
    from features.engine import open_engine, open_shop

    assert ibis.backends.duckdb.Backend.name == "duckdb"
    warehouse = open_warehouse(settings)

    def work() -> None:
        backend = open_engine(settings)
        shop, rows = open_shop(backend, warehouse), backend.read_parquet(spine)
        for view in (PURCHASING, ENGAGEMENT):
            view.build(shop, rows).to_parquet(out / f"{view.name}.parquet")

    return work


def by_hand(settings: FeatureSettings, spine: Path, out: Path) -> Work:
    """`benchmarks.hand_written` on DuckDB."""
    import duckdb

    warehouse = open_warehouse(settings)

    def work() -> None:
        connection = duckdb.connect(config={"threads": settings.threads, "memory_limit": f"{settings.memory_limit_mb}MB"})
        connection.execute("SET TimeZone = 'UTC'")
        statements = {
            "purchasing": hand_written.purchasing(warehouse.folder, spine, warehouse.first_event),
            "engagement": hand_written.engagement(warehouse.folder, spine),
        }
        for name, sql in statements.items():
            connection.execute(f"COPY ({sql}) TO '{out / name}.parquet'")

    return work


def feast_join(spine: Path, offline: Path, out: Path) -> Work:
    """Feast's `get_historical_features` of rows that were computed before: a join only, DuckDB offline store."""
    from feast import FeatureView

    from features.feast_repo.repo import open_store, registered_objects

    store = open_store(out)
    store.apply([o for o in registered_objects(offline) if not isinstance(o, FeatureView) or o.name in VIEWS][:4])
    names = [f"{v}:{c}" for v in VIEWS for c in pl.read_parquet_schema(offline / f"{v}.parquet") if c not in ("customer_id", "as_of")]
    entities = pl.read_parquet(spine).rename({"as_of": "event_timestamp"}).to_pandas()

    def work() -> None:
        joined = store.get_historical_features(entity_df=entities, features=names).to_arrow()
        frame = pl.DataFrame(joined).rename({"event_timestamp": "as_of"}).with_columns(pl.col("as_of").cast(pl.Datetime("us", "UTC")))
        for view in VIEWS:
            columns = [n.split(":")[1] for n in names if n.startswith(f"{view}:")]
            frame.select("customer_id", "as_of", *columns).write_parquet(out / f"{view}.parquet")

    return work


def write_spine(warehouse: Warehouse, path: Path) -> int:
    """Write every customer at every weekly as-of date; returns the number of rows."""
    spine = customer_spine(warehouse, as_of_dates(warehouse, warehouse.last_event))
    spine.write_parquet(path)
    return spine.height


def differences(found: Path, expected: Path) -> dict[str, float]:
    """Rows, cells with a null on one side only, and the greatest difference relative to max(1, |value|), over both views."""
    nulls, greatest, rows = 0, 0.0, 0
    for view in VIEWS:
        left, right = (pl.read_parquet(folder / f"{view}.parquet").sort("customer_id", "as_of") for folder in (found, expected))
        if left.columns != right.columns or not left.select("customer_id", "as_of").equals(right.select("customer_id", "as_of")):
            raise RuntimeError(f"{found} and {expected}: the rows or columns of {view} differ")
        rows += left.height
        for name in left.columns[2:]:
            nulls += int((left[name].is_null() != right[name].is_null()).sum())
            relative = ((left[name] - right[name]).abs() / pl.select(pl.max_horizontal(pl.lit(1.0), right[name].abs())).to_series()).max()
            greatest = max(greatest, float(relative or 0.0))  # type: ignore[arg-type]
    return {"rows": rows, "null_differences": nulls, "greatest_relative_difference": greatest}


def compare(settings: FeatureSettings, folder: Path, rounds: int) -> dict[str, object]:
    """All contenders in turns on the shop as it is."""
    warehouse = open_warehouse(settings)
    spine = folder / "spine.parquet"
    rows = write_spine(warehouse, spine)
    out = {name: folder / name for name in ("ours", "by_hand", "feast_join")}
    for path in out.values():
        path.mkdir()
    costs: dict[str, list[Cost]] = {name: [] for name in out}
    for _ in range(rounds):
        costs["ours"].append(cost_of(ours, settings, spine, out["ours"]))
        costs["by_hand"].append(cost_of(by_hand, settings, spine, out["by_hand"]))
    for _ in range(min(rounds, 2)):
        costs["feast_join"].append(cost_of(feast_join, spine, out["ours"], out["feast_join"]))
    return {
        "entity_rows": rows,
        "costs": {name: _middle(runs) for name, runs in costs.items()},
        "ours_over_by_hand": {field: _ratio(costs["ours"], costs["by_hand"], field) for field in ("seconds", "cpu_seconds")},
        "equality": {name: differences(out[name], out["ours"]) for name in ("by_hand", "feast_join")},
    }


def scaling(settings: FeatureSettings, folder: Path, copies: tuple[int, ...]) -> list[dict[str, float]]:
    """Our cost at several times the customers, events and as-of rows."""
    warehouse = open_warehouse(settings)
    measured = []
    for n in copies:
        larger = larger_shop(warehouse, n, folder / f"times-{n}")
        rows = write_spine(open_warehouse(larger), folder / f"spine-{n}.parquet")
        out = folder / f"out-{n}"
        out.mkdir()
        runs = [cost_of(ours, larger, folder / f"spine-{n}.parquet", out) for _ in range(2)]
        best = min(runs, key=lambda run: run.seconds)
        measured.append({"copies": n, "entity_rows": rows, **asdict(best)})
    return measured


def _ratio(ours: list[Cost], theirs: list[Cost], field: str) -> dict[str, float]:
    # The best runs beside each other say most on a machine that others use too; the rest shows how much it disturbs.
    pairs = [getattr(a, field) / getattr(b, field) for a, b in zip(ours, theirs, strict=True)]
    best = min(getattr(a, field) for a in ours) / min(getattr(b, field) for b in theirs)
    return {"best_over_best": best, "median": statistics.median(pairs), "least": min(pairs), "greatest": max(pairs)}


def _middle(runs: list[Cost]) -> dict[str, float]:
    return {field: statistics.median(getattr(run, field) for run in runs) for field in ("seconds", "cpu_seconds", "peak_mb")}


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--data-dir", type=Path, required=True, help="data folder with an imported history (read only)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--rounds", type=int, default=5, choices=range(1, 21), metavar="1-20", help="runs of each contender")
    parser.add_argument("--copies", type=int, nargs="*", default=[1, 2, 4], help="sizes of the scaling check, times the shop")
    options = parser.parse_args()
    settings = FeatureSettings(data_dir=options.data_dir, threads=THREADS)
    with tempfile.TemporaryDirectory(prefix="features-speed-") as name:
        folder = Path(name)
        found = compare(settings, folder, options.rounds)
        found["scaling"] = scaling(settings, folder, tuple(options.copies))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2), encoding="utf-8")
    _print(found)


def _print(found: dict[str, object]) -> None:
    from rich.console import Console
    from rich.table import Table

    console, table = (
        Console(),
        Table("", "seconds", "CPU seconds", "peak MB", title=f"{found['entity_rows']:,} entity rows, {THREADS} threads"),
    )
    for name, cost in found["costs"].items():  # type: ignore[attr-defined]
        table.add_row(name, *(f"{cost[field]:.2f}" for field in ("seconds", "cpu_seconds", "peak_mb")))
    console.print(table)
    console.print("ours ÷ by hand:", found["ours_over_by_hand"])
    console.print("against ours:", found["equality"], f"(tolerance {TOLERANCE})")
    sizes = Table("times", "entity rows", "seconds", "CPU seconds", "peak MB", title="ours, larger shops")
    for row in found["scaling"]:  # type: ignore[attr-defined]
        sizes.add_row(*(f"{row[k]:,.2f}" for k in ("copies", "entity_rows", "seconds", "cpu_seconds", "peak_mb")))
    console.print(sizes)


if __name__ == "__main__":
    main()
