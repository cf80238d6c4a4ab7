"""Measures the service beside its peers: `python -m benchmarks.serving [--quick] [--curves]`; writes benchmarks/out/serving.json."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.serving.contenders import CONNECTIONS, VARIANTS, compare, contenders, overload
from benchmarks.serving.figures import Figures
from benchmarks.serving.peers.mlflow_models import prepare_mlflow
from benchmarks.serving.peers.usual_store import prepare_usual
from benchmarks.serving.prepare import prepared
from benchmarks.serving.shop_size import FULL, QUICK

OUT = Path(__file__).parents[1] / "out"
_OVERLOAD = 1.5  # times what the closed loop got through


def main() -> None:
    """Prepare, measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tiny shop and short runs: whether everything runs, no figures to quote")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each measured run")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each contender, in turn; the middle one counts")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the figures and of the prepared shops")
    told = parser.parse_args()
    size, seconds, rounds = (QUICK, 0.4, 1) if told.quick else (FULL, told.seconds, told.rounds)
    figures, began = Figures(), time.perf_counter()
    data_dir = prepared(size, told.out, _tell)
    prepare_usual(data_dir, data_dir.parent / "usual")
    prepare_mlflow(data_dir.parent / "usual" / "return_hazard.txt", data_dir.parent / "mlflow")
    _tell(f"prepared: {time.perf_counter() - began:.0f} s")
    with tempfile.TemporaryDirectory(prefix="huitou-serving-") as folder, contenders(data_dir, size, Path(folder), figures) as found:
        _tell(f"everybody runs: {time.perf_counter() - began:.0f} s")
        compare(found, figures, seconds=seconds, rounds=rounds)
        for name in VARIANTS:
            closed = figures.measured[f"{CONNECTIONS} connection(s)"][name][-1]["per second"]
            overload(found[name], figures, name, rate=max(_OVERLOAD * closed, 1.0), seconds=seconds)
    figures.write(told.out / "serving.json")
    print(figures.table())
    _tell(f"written to {told.out / 'serving.json'}, {time.perf_counter() - began:.0f} s in all")


def _tell(sentence: str) -> None:
    print(f"  {sentence}", flush=True)


if __name__ == "__main__":
    main()
