"""Measures the service beside its peers: `python -m benchmarks.serving`; writes serving.json, and with `--curves` serving.png."""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.serving.batches import measure_batches
from benchmarks.serving.contenders import VARIANTS, WARM, compare, contenders, overload
from benchmarks.serving.curves import QUICK_COUNTS, Counts, measure_curves, plot
from benchmarks.serving.figures import Figures
from benchmarks.serving.online_loading import measure_loading
from benchmarks.serving.peers.mlflow_models import prepare_mlflow
from benchmarks.serving.peers.usual_store import prepare_usual
from benchmarks.serving.prepare import prepared
from benchmarks.serving.redis_rows import measure_redis
from benchmarks.serving.scoring import measure_scoring
from benchmarks.serving.service import bodies_of
from benchmarks.serving.shop_size import FULL, QUICK, ShopSize
from benchmarks.serving.workers import measure_workers

OUT = Path(__file__).parents[1] / "out"
PARTS = ("compare", "workers", "score", "load", "redis", "curves")
_USUAL = PARTS[:-1]
_OVERLOAD = 3.0  # times what the closed loop gets through


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        size: of the shop.
        seconds, rounds: of each measured run, and how many of each contender.
        scored, loaded: customers of `huitou score` and of the online load.
        many: whether the curves go as far on the tiny shop as on the other.
    """

    size: ShopSize
    seconds: float
    rounds: int
    scored: int
    loaded: int
    many: bool = False


def main() -> None:
    """Prepare, measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; by default all but the last")
    parser.add_argument("--quick", action="store_true", help="a tiny shop and short runs: whether everything runs, no figures to quote")
    parser.add_argument("--curves", action="store_true", help="also how cost grows with offers, items and customers")
    parser.add_argument("--far", action="store_true", help="with --quick: the curves go as far as on the other shop")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each measured run")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each contender, in turn; the middle one counts")
    parser.add_argument("--scored", type=int, default=20_000, help="customers of `huitou score`")
    parser.add_argument("--loaded", type=int, default=1_000_000, help="customers of the online load")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the figures and of the prepared shops")
    told = parser.parse_args()
    parts = {*(told.parts or _USUAL), *(["curves"] if told.curves else [])}
    if parts - set(PARTS):
        parser.error(f"no part {', '.join(sorted(parts - set(PARTS)))}; choose from {', '.join(PARTS)}")
    plan = (
        Plan(QUICK, told.seconds if told.far else 0.4, 1, 300, 600, many=told.far)
        if told.quick
        else Plan(FULL, told.seconds, told.rounds, told.scored, told.loaded)
    )
    figures, began = Figures(), time.perf_counter()
    data_dir = prepared(plan.size, told.out, _tell)
    for part in PARTS:
        if part in parts:
            with tempfile.TemporaryDirectory(prefix=f"huitou-{part}-") as folder:
                measure(part, plan, data_dir, Path(folder), figures)
            _tell(f"{part}: {time.perf_counter() - began:.0f} s since the start")
            figures.write(told.out / "serving.json")  # after every part: an interrupted run has said what it knew
    if "curves" in parts:
        plot(figures, told.out / "serving.png")
    print(figures.table())


def measure(part: str, plan: Plan, data_dir: Path, work: Path, figures: Figures) -> None:
    """One part's figures into `figures`."""
    match part:
        case "compare":
            _compare(plan, data_dir, work, figures)
        case "workers":
            measure_workers(data_dir, plan.size, work, figures, seconds=plan.seconds, rounds=plan.rounds)
        case "score":
            measure_scoring(data_dir, work, figures, customers=plan.scored)
        case "load":
            measure_loading(data_dir, work, figures, customers=plan.loaded)
        case "redis":
            measure_redis(data_dir, work, figures, customers=plan.loaded)
        case "curves":
            counts = QUICK_COUNTS if plan.size == QUICK and not plan.many else Counts()
            measure_curves(data_dir, plan.size, work, figures, seconds=plan.seconds, counts=counts)


def _compare(plan: Plan, data_dir: Path, work: Path, figures: Figures) -> None:
    usual = data_dir.parent / "usual"
    prepare_usual(data_dir, usual)
    prepare_mlflow(usual / "return_hazard.txt", data_dir.parent / "mlflow")
    with contenders(data_dir, plan.size, work, figures) as found:
        compare(found, figures, seconds=plan.seconds, rounds=plan.rounds)
        for name in VARIANTS:
            overload(found[name], figures, name, times=_OVERLOAD, seconds=plan.seconds, rounds=plan.rounds)
        asked, others = bodies_of(plan.size)
        measure_batches(found[WARM].server, asked, others, figures)


def _tell(sentence: str) -> None:
    print(f"  {sentence}", flush=True)


if __name__ == "__main__":
    main()
