"""Judges a bundle model by what it would have answered, beside its baselines on the same customers and sets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from features.errors import TooLittleHistory
from training.artifacts.bundles import HORIZON_DAYS, KIND, BundleModel
from training.artifacts.fold_in import FoldIn
from training.artifacts.logistic_map import sigmoid
from training.evaluation.classification import reliability
from training.evaluation.comparison import compare, judge_probabilities
from training.evaluation.ranking import NONE, RankingScores, score_rankings, top_k
from training.models.als import fit_column_factors
from training.models.bundle_stack import BundleHistory, StackSettings
from training.models.item_baselines import Scorer, item_cosine, personal_frequency, popularity
from training.recipe import Curve, Evaluation

CUTS = (5, 10)
_DEPTH = max(CUTS)
_CANDIDATES = 50  # places a customer's bundle offers can come from; probabilities are judged on these pairs
_COSINE_HALF_LIFE = 30.0  # as for items

Lists = dict[str, NDArray[np.int64]]


def judge_bundles(
    model: BundleModel,
    history: BundleHistory,
    bought: sparse.csr_matrix,
    customers: NDArray[np.float32],
    settings: StackSettings,
    *,
    seed: int,
    threads: int,
) -> Evaluation:
    """Rank the bundles for every customer known at the cut and compare with the whole sets they bought next.

    Args:
        model: fitted up to the as-of date of `history`.
        history: the moment of the cut.
        bought: CSR `(n_customers, n_bundles)` of the 28 days after the cut.
        customers: `(n_customers, f)` folded-in factors.
        settings: of the stacked ALS; the ALS on pairs alone is fitted with the same.
        seed: of the bootstrap and of the peer's fit.
        threads: of the peer's fit.

    Returns:
        Metrics of all recommendations, and with the prefix `explore_` of those restricted to sets never bought whole before.

    Raises:
        TooLittleHistory: nobody bought a whole set, or one new to them, in the window.
    """
    targets = {"": bought, "explore_": new_to_customer(bought, history.bought)}
    served, chances, happened = _serve(model, history, bought)
    ours = _score(served, targets, history)
    scorers = _baselines(model, history, customers, settings, seed=seed, threads=threads)
    peers = {name: _score(_rank(scorer, history.bought), targets, history) for name, scorer in scorers.items()}
    metrics, intervals, differences = compare(ours, peers, parts=("stacked ALS alone",), seed=seed)
    metrics |= judge_probabilities(chances, happened, seed=seed)
    x, y = reliability(happened, chances)
    plot = "Bundles: probability of purchase within 28 days, recommended places"
    axes = {"x_label": "predicted", "y_label": "observed"}
    means = {name: peers[name][""].means()["ndcg_10"] for name in peers}
    return Evaluation(
        name=KIND,
        protocol=(
            f"As of {history.seen.as_of:%Y-%m-%d %H:%M} UTC every customer known is folded in from recent purchases and ranked over "
            f"{bought.shape[1]} bundles; wanted are the sets that one order of theirs held whole in the {HORIZON_DAYS} days after it. "
            "explore_*: only sets never bought whole before are wanted or recommended. Settings and maps come from the 28 days before."
        ),
        rows=int((np.diff(bought.indptr) > 0).sum()),
        metrics=metrics,
        intervals=intervals,
        baselines={name: {m: v for s in scores.values() for m, v in s.means().items()} for name, scores in peers.items()},
        differences=differences,
        curves=[
            Curve(plot=plot, label="bundles", x=x, y=y, style="points", **axes),
            Curve(plot=plot, label="perfect", x=[0.0, max(x)], y=[0.0, max(x)], style="diagonal", **axes),
        ],
        notes=[
            f"NDCG@10: served {metrics['ndcg_10']:.4f}, personal frequency {means['personal frequency']:.4f}, stacked ALS alone "
            f"{means['stacked ALS alone']:.4f}, ALS on pairs {means['ALS on pairs']:.4f}; {metrics['repeat_share_10']:.0%} of the served "
            "places are sets the customer has bought whole before.",
            f"Probabilities are judged on each customer's {_CANDIDATES} best places.",
        ],
    )


def new_to_customer(bought: sparse.csr_matrix, before: sparse.csr_matrix) -> sparse.csr_matrix:
    """CSR `(n_customers, n_bundles)` of ones where the set was bought after the cut and never before it.

    Raises:
        TooLittleHistory: there is none: nothing can be judged.
    """
    fresh = sparse.csr_matrix(bought - bought.multiply(before > 0))
    fresh.eliminate_zeros()
    if not fresh.nnz:
        raise TooLittleHistory("Nobody known at the cut bought a bundle new to them after it; bundle recommendations cannot be judged.")
    return fresh


def _baselines(
    model: BundleModel, history: BundleHistory, customers: NDArray[np.float32], settings: StackSettings, *, seed: int, threads: int
) -> dict[str, Scorer]:
    table, seen = history.table, history.seen
    stacked = model.factors[: len(table.bundle_ids)]
    by_item = item_cosine(seen.weights(half_life_days=_COSINE_HALF_LIFE, exponent=0.5), seen.purchases)
    contents = history.contents.T.tocsr()
    return {
        "popularity, a year": popularity(table.buyers),
        "popularity, 28 days": popularity(table.recent_buyers),
        "personal frequency": personal_frequency(history.bought, table.buyers),
        "personal frequency, decayed": personal_frequency(history.decayed, table.buyers),
        "item-item cosine": lambda rows: np.asarray(by_item(rows) @ contents, np.float32),
        "ALS on pairs": _pairs_only(history, settings, seed=seed, threads=threads),
        "stacked ALS alone": lambda rows: np.asarray(customers[rows] @ stacked.T, np.float32),
    }


def _pairs_only(history: BundleHistory, settings: StackSettings, *, seed: int, threads: int) -> Scorer:
    """Plain ALS on customer–bundle pairs; it may see the true orders that held a set, not only what recent purchases imply."""
    pairs = sparse.csr_matrix(history.decayed).power(settings.exponent)
    factors = fit_column_factors(pairs, settings, seed=seed, threads=threads)
    folding = FoldIn(factors, settings.regularization, settings.alpha)
    bounds = zip(pairs.indptr[:-1], pairs.indptr[1:], strict=True)
    rows = np.stack([folding.solve(pairs.indices[a:b], pairs.data[a:b]) for a, b in bounds])
    return lambda block: np.asarray(rows[block] @ factors.T, np.float32)


def _rank(scorer: Scorer, owned: sparse.csr_matrix) -> Lists:
    scores = scorer(slice(0, owned.shape[0]))
    every = top_k(scores, _DEPTH)
    scores[owned.nonzero()] = -np.inf
    return {"": every, "explore_": top_k(scores, _DEPTH)}


def _serve(model: BundleModel, history: BundleHistory, bought: sparse.csr_matrix) -> tuple[Lists, NDArray[np.float64], NDArray[np.float64]]:
    shape = (bought.shape[0], _DEPTH)
    lists = {"": np.full(shape, NONE, np.int64), "explore_": np.full(shape, NONE, np.int64)}
    rows, columns, chances = [], [], []
    for row in range(bought.shape[0]):
        logits = model.logits(history.seen.recent(row))
        top = np.argsort(-logits, kind="stable")[:_CANDIDATES]
        rows.append(np.full_like(top, row))
        columns.append(top)
        chances.append(sigmoid(logits[top]))
        # From here on as `BundleModel.recommend` does it, with the log-odds computed once for both protocols.
        for protocol, places in lists.items():
            if protocol:
                logits[history.bought.indices[history.bought.indptr[row] : history.bought.indptr[row + 1]]] = -np.inf
            best = [model.index_of(bundle.bundle_id) for bundle in model.best(logits, _DEPTH)]
            places[row, : len(best)] = np.asarray(best, np.int64)
    happened = np.asarray(bought[np.concatenate(rows), np.concatenate(columns)], np.float64).ravel()
    return lists, np.concatenate(chances).astype(np.float64), happened


def _score(lists: Lists, targets: dict[str, sparse.csr_matrix], history: BundleHistory) -> dict[str, RankingScores]:
    return {
        protocol: score_rankings(lists[protocol], pairs, np.diff(pairs.indptr).astype(np.int64), history.bought, cuts=CUTS).named(protocol)
        for protocol, pairs in targets.items()
    }
