"""Judges an item model by what it would have answered: the served code path, every customer, beside its baselines on the same rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from features.errors import TooLittleHistory
from training.artifacts.items import HORIZON_DAYS, KIND, ItemModel
from training.artifacts.logistic_map import sigmoid
from training.datasets.interactions import Interactions, Targets
from training.evaluation.classification import reliability
from training.evaluation.comparison import compare, judge_probabilities
from training.evaluation.ranking import NONE, RankingScores, score_rankings, top_k
from training.models.item_baselines import Scorer, item_cosine, personal_frequency, popularity
from training.recipe import Curve, Evaluation

CUTS = (10, 20)
_DEPTH = max(CUTS)
_BLOCK = 256
_CANDIDATES = 100  # places a customer's offers can come from; probabilities are judged on these pairs
_COSINE_HALF_LIFE = 30.0  # the best of 30, 90 and no decay on Complete Journey's inner window


def judge_items(model: ItemModel, seen: Interactions, targets: Targets, *, seed: int) -> Evaluation:
    """Rank for every customer known at the cut, folded in from recent purchases, and compare with what they bought next.

    Args:
        model: fitted up to `seen.as_of`.
        seen: interactions at the cut; masks and baselines come from it.
        targets: purchases of the 28 days after the cut.
        seed: of the bootstrap.

    Returns:
        Metrics of all recommendations, and with the prefix `explore_` of those restricted to products not bought before.

    Raises:
        TooLittleHistory: nobody known at the cut bought anything, or anything new, in the window.
    """
    require_wanted(seen, targets)
    served, probabilities, bought = _serve(model, seen, targets)
    peers = {name: _both(_rank(scorer, seen.purchases), seen, targets) for name, scorer in _baselines(model, seen).items()}
    ours = _both(served, seen, targets)
    metrics, intervals, differences = compare(ours, peers, parts=("ALS alone",), seed=seed)
    metrics |= judge_probabilities(probabilities, bought, seed=seed)
    x, y = reliability(bought, probabilities)
    plot = "Items: probability of purchase within 28 days, recommended places"
    axes = {"x_label": "predicted", "y_label": "observed"}
    return Evaluation(
        name=KIND,
        protocol=(
            f"As of {seen.as_of:%Y-%m-%d %H:%M} UTC every customer known is folded in from recent purchases and ranked over "
            f"{len(seen.product_ids)} products; wanted is what they bought in the {HORIZON_DAYS} days after it. explore_*: only products "
            "never bought before are wanted and recent ones are not recommended. Settings and maps come from the 28 days before."
        ),
        rows=int((targets.wanted > 0).sum()),
        metrics=metrics,
        intervals=intervals,
        baselines={name: {m: v for s in scores.values() for m, v in s.means().items()} for name, scores in peers.items()},
        differences=differences,
        curves=[
            Curve(plot=plot, label="items", x=x, y=y, style="points", **axes),
            Curve(plot=plot, label="perfect", x=[0.0, max(x)], y=[0.0, max(x)], style="diagonal", **axes),
        ],
        notes=_notes(metrics, peers),
    )


def require_wanted(seen: Interactions, targets: Targets) -> None:
    """Refuse a window on which nothing can be judged.

    Raises:
        TooLittleHistory: nobody known at the cut bought anything, or anything new, in the window.
    """
    if not targets.wanted.any() or not targets.first_wanted.any():
        raise TooLittleHistory(
            f"Nobody known at {seen.as_of:%Y-%m-%d} bought a product new to them after it: recommendations cannot be judged."
        )


Lists = dict[str, NDArray[np.int64]]


def _baselines(model: ItemModel, seen: Interactions) -> dict[str, Scorer]:
    counts = seen.purchases
    s = model.settings
    decayed = seen.weights(half_life_days=s.half_life_days, exponent=1.0)
    recent = seen.weights(half_life_days=_COSINE_HALF_LIFE, exponent=0.5)
    return {
        "popularity, a year": popularity(seen.buyers),
        "popularity, 28 days": popularity(model.recent_buyers),
        "personal frequency": personal_frequency(counts, seen.buyers),
        "personal frequency, decayed": personal_frequency(decayed, seen.buyers),
        "item-item cosine": item_cosine(recent, counts),
        "ALS alone": _als(model, seen),
    }


def _als(model: ItemModel, seen: Interactions) -> Scorer:
    weights = seen.weights(half_life_days=model.settings.half_life_days, exponent=model.settings.exponent)
    ids = seen.product_ids.tolist()
    bounds = list(zip(weights.indptr[:-1], weights.indptr[1:], strict=True))
    rows = np.stack([model.fold_in([ids[i] for i in weights.indices[a:b]], weights.data[a:b]) for a, b in bounds])
    return lambda block: np.asarray(rows[block] @ model.factors.T, np.float32)


def _rank(scorer: Scorer, owned: sparse.csr_matrix) -> Lists:
    every, explore = [], []
    for start in range(0, owned.shape[0], _BLOCK):
        block = slice(start, min(start + _BLOCK, owned.shape[0]))
        scores = scorer(block)
        every.append(top_k(scores, _DEPTH))
        scores[owned[block].nonzero()] = -np.inf
        explore.append(top_k(scores, _DEPTH))
    return {"": np.vstack(every), "explore_": np.vstack(explore)}


def _serve(model: ItemModel, seen: Interactions, targets: Targets) -> tuple[Lists, NDArray[np.float64], NDArray[np.float64]]:
    customers = len(seen.customer_ids)
    lists = {protocol: np.full((customers, _DEPTH), NONE, np.int64) for protocol in ("", "explore_")}
    pairs: list[NDArray[np.int64]] = []
    chances: list[NDArray[np.float32]] = []
    for row in range(customers):
        recent = seen.recent(row)
        logits = model.logits(recent)
        top = np.argpartition(-logits, min(_CANDIDATES, len(logits) - 1))[:_CANDIDATES]
        pairs.append(np.stack([np.full_like(top, row), top]))
        chances.append(sigmoid(logits[top]))
        # From here on as `ItemModel.recommend` does it, with the log-odds computed once for both protocols.
        for protocol in ("", "explore_"):
            if protocol:
                logits[seen.purchases.indices[seen.purchases.indptr[row] : seen.purchases.indptr[row + 1]]] = -np.inf
            best = model.positions_of([item.product_id for item in model.best(logits, _DEPTH)])[0]
            lists[protocol][row, : len(best)] = best
    rows, columns = np.concatenate(pairs, axis=1)
    bought = np.asarray(targets.bought[rows, columns], np.float64).ravel()
    return lists, np.concatenate(chances).astype(np.float64), bought


def _both(lists: Lists, seen: Interactions, targets: Targets) -> dict[str, RankingScores]:
    wanted: dict[str, Callable[[], tuple[sparse.csr_matrix, NDArray[np.int64]]]] = {
        "": lambda: (targets.bought, targets.wanted),
        "explore_": lambda: (targets.first_time, targets.first_wanted),
    }
    return {
        protocol: score_rankings(lists[protocol], *wanted[protocol](), seen.purchases, cuts=CUTS).named(protocol) for protocol in wanted
    }


def _notes(metrics: dict[str, float], peers: dict[str, dict[str, RankingScores]]) -> list[str]:
    own = max(peers[name][""].means()["ndcg_20"] for name in peers if name.startswith("personal"))
    als = peers["ALS alone"][""].means()["ndcg_20"]
    return [
        f"Repeats decide this measure: {metrics['repeat_share_20']:.0%} of the served places are products the customer already buys; "
        f"NDCG@20 of their own frequency is {own:.4f}, of the ALS alone {als:.4f}, of the served blend {metrics['ndcg_20']:.4f}.",
        "Probabilities are judged on each customer's 100 best places; wanted products outside the model count as missed.",
    ]
