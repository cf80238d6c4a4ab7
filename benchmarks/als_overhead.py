"""What our ALS costs beside a bare `implicit` fit of the same settings: `python -m benchmarks.als_overhead`.

Ours and the bare fit take turns on the same pairs, made up at the size of a small shop; the ratio of the medians of their times is printed.
The factors are compared too: they are the same bit for bit.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits

from training.models.als import AlsSettings, fit_factors

SETTINGS = AlsSettings(factors=64, iterations=6)
SEED = 1


def pairs(users: int, items: int, per_user: int) -> sparse.csr_matrix:
    """Pairs with a long tail, `per_user` each at most."""
    random = np.random.default_rng(SEED)
    columns = (items * random.random(users * per_user) ** 3).astype(np.int64)
    rows = np.repeat(np.arange(users), per_user)
    made = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=(users, items))
    made.sum_duplicates()
    return made


def bare(weights: sparse.csr_matrix, threads: int) -> NDArray[np.float32]:
    """A data scientist's own fit."""
    model = AlternatingLeastSquares(
        factors=SETTINGS.factors,
        regularization=SETTINGS.regularization,
        alpha=SETTINGS.alpha,
        iterations=SETTINGS.iterations,
        num_threads=threads,
        random_state=SEED,
    )
    model.fit(weights, show_progress=False)
    return np.asarray(model.item_factors)


def timed(work: Callable[[], NDArray[np.float32]]) -> tuple[float, float, NDArray[np.float32]]:
    """Wall seconds, processor seconds, and what came out."""
    wall, processor = time.perf_counter(), time.process_time()
    made = work()
    return time.perf_counter() - wall, time.process_time() - processor, made


def main() -> None:
    """Print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--items", type=int, default=5_000)
    parser.add_argument("--per-user", type=int, default=30)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    weights = pairs(options.users, options.items, options.per_user)
    times: dict[str, list[tuple[float, float]]] = {"bare implicit": [], "ours": []}
    with threadpool_limits(1, "blas"):
        for _ in range(options.runs):
            wall, processor, theirs = timed(lambda: bare(weights, options.threads))
            times["bare implicit"].append((wall, processor))
            wall, processor, own = timed(lambda: fit_factors(weights, SETTINGS, seed=SEED, threads=options.threads)[1])
            times["ours"].append((wall, processor))
            if options.threads == 1:
                assert np.array_equal(theirs, own), "the factors differ"
    medians = {name: [statistics.median(column) for column in zip(*both, strict=True)] for name, both in times.items()}
    print(
        f"{weights.nnz:,} pairs, {options.users:,} users, {options.items:,} items, {SETTINGS.factors} factors, {SETTINGS.iterations} sweeps"
    )
    for name, (wall, processor) in medians.items():
        print(f"{name:<14} {wall:6.2f} s  {processor:6.2f} s of processor time  (medians of {options.runs}, in turn)")
    wall_share, processor_share = (bare / own for bare, own in zip(medians["bare implicit"], medians["ours"], strict=True))
    print(f"a bare fit takes {processor_share:.1%} of the processor time of ours ({wall_share:.1%} of the wall time)")


if __name__ == "__main__":
    main()
