"""The repurchase ranker: one LightGBM over the candidates, learned from the next baskets of the training users.

The learned score is the probability that the item is in the next basket, so repeated and explored items compete in one list. What
training users' next baskets hold is itself a feature, *what is bought now*: each user's value is counted from the other folds only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy import sparse

from training.datasets.basket_sequences import BasketSequences
from training.evaluation.ranking import NONE, membership
from training.models.next_basket.candidates import CandidateRows, candidate_rows, scorers

Ints = NDArray[np.int64]
Inputs = NDArray[np.float32]
Floats = NDArray[np.float64]

NOW = ("now_share", "now_new_share")  # share of training users whose next basket holds the item, and who never bought it before
FOLDS = 8  # enough that seven eighths of the training users speak for every item


class NextBasketSettings(BaseModel):
    """Settings, shipped as chosen on Ta-Feng's users that no split tests (docs/evidence.md).

    Attributes:
        best: candidates from each simple model.
        popular: candidates from those in most last baskets.
        negative_share: share of the candidates that were neither bought before nor now which is learned from; the rest is weighted up.
        members: boosters with different seeds that are averaged.
        rounds, num_leaves, learning_rate, min_data_in_leaf, feature_fraction, bagging_fraction, lambda_l2: as LightGBM names them.
    """

    model_config = ConfigDict(frozen=True)

    best: int = 40
    popular: int = 60
    negative_share: float = 0.15
    members: int = 1
    rounds: int = 250
    num_leaves: int = 31
    learning_rate: float = 0.06
    min_data_in_leaf: int = 100
    feature_fraction: float = 0.5
    bagging_fraction: float = 0.7
    lambda_l2: float = 10.0


def prepare(sequences: BasketSequences, users: Ints, settings: NextBasketSettings, *, seed: int, threads: int) -> CandidateRows:
    """Candidates and features of `users` (ascending) from all histories; what several splits share."""
    models = scorers(sequences, seed=seed, threads=threads)
    return candidate_rows(sequences, models, users, best=settings.best, popular=settings.popular, spare=NOW)


class NextBasketRanker:
    """Boosters learned from some users' next baskets."""

    def __init__(
        self, rows: CandidateRows, next_baskets: sparse.csr_matrix, learners: Ints, settings: NextBasketSettings, *, seed: int, threads: int
    ) -> None:
        """Learn.

        Args:
            rows: candidates of at least the learners; their spare columns are filled here.
            next_baskets: CSR `(users, items)` of ones; only the learners' rows are read.
            learners: users learned from.
            settings: see `NextBasketSettings`.
            seed: of folds, sampling and boosters.
            threads: of LightGBM.
        """
        import lightgbm as lgb

        random = np.random.default_rng(seed)
        self._rows = rows
        fill_now(rows, next_baskets, learners, random)
        learned = np.isin(rows.user, learners)
        wanted = held(rows.user, rows.item, next_baskets, learned)
        sure = wanted | rows.bought
        chosen = np.flatnonzero(learned & (sure | (random.random(len(sure)) < settings.negative_share)))
        weight = np.where(sure[chosen], 1.0, 1 / settings.negative_share)
        data = lgb.Dataset(
            rows.inputs[chosen], wanted[chosen], weight=weight, feature_name=list(rows.names), params={"max_bin": 127, "verbose": -1}
        ).construct()
        self._boosters = []
        for member in range(settings.members):
            parameters = {
                "objective": "binary",
                "max_bin": 127,
                "bagging_freq": 1,
                "seed": seed + member,
                "deterministic": True,
                "force_row_wise": True,
                "num_threads": threads,
                "verbose": -1,
                **settings.model_dump(exclude={"best", "popular", "negative_share", "members", "rounds"}),
            }
            self._boosters.append(lgb.train(parameters, data, num_boost_round=settings.rounds))
        self._threads = threads

    def lists(self, users: Ints, k: int) -> Ints:
        """The k items most likely in the next basket of each user, `(n, k)`, best first, `NONE` where there are fewer candidates."""
        asked = np.flatnonzero(np.isin(self._rows.user, users))
        score = self.probabilities(asked)
        user, item = self._rows.user[asked], self._rows.item[asked]
        order = np.lexsort((item, -score, user))
        begin = np.searchsorted(user, user[order])
        rank = np.arange(len(order)) - begin
        top = order[rank < k]
        found = np.full((int(users.max()) + 1, k), NONE, np.int64)
        found[user[top], rank[rank < k]] = item[top]
        return found[users]

    def probabilities(self, rows: Ints) -> Floats:
        """Probability of being in the next basket for some rows of the candidates."""
        inputs = self._rows.inputs[rows]
        answers = [booster.predict(inputs, num_threads=self._threads) for booster in self._boosters]
        return np.asarray(np.mean(answers, axis=0), np.float64)


def fill_now(rows: CandidateRows, next_baskets: sparse.csr_matrix, learners: Ints, random: np.random.Generator) -> None:
    """Fill the spare columns: what the learners' next baskets hold, for a learner counted from the other folds.

    Args:
        rows: candidates; changed in place.
        next_baskets: CSR `(users, items)` of ones; only the learners' rows are read.
        learners: users whose next baskets may be counted.
        random: draws the folds.
    """
    folds = min(FOLDS, len(learners))
    fold = np.full(next_baskets.shape[0], folds)  # the last fold holds nobody's basket: everybody else is counted for it
    fold[learners] = random.permutation(len(learners)) % folds
    size = np.bincount(fold[learners], minlength=folds + 1)
    taken = next_baskets[learners].tocoo()
    user, item = learners[taken.row], taken.col
    owned = sparse.csr_matrix((np.ones(int(rows.bought.sum())), (rows.user[rows.bought], rows.item[rows.bought])), shape=next_baskets.shape)
    new = ~membership(item[:, None].astype(np.int64), owned[user])[:, 0]
    for column, counted in zip((-2, -1), (np.ones(len(user), np.bool_), new), strict=True):
        count = np.zeros((folds + 1, next_baskets.shape[1]))
        np.add.at(count, (fold[user[counted]], item[counted]), 1)
        share = (count.sum(axis=0) - count) / (len(learners) - size)[:, None]
        rows.inputs[:, column] = share[fold[rows.user], rows.item]


def held(user: Ints, item: Ints, baskets: sparse.csr_matrix, where: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether the user's basket holds the item, `(rows,)`; False, and not looked at, outside `where`."""
    found = np.zeros(len(user), np.bool_)
    at = np.flatnonzero(where)
    kept = baskets.tocsr()
    key = np.repeat(np.arange(kept.shape[0]), np.diff(kept.indptr)) * kept.shape[1] + kept.indices
    found[at] = np.isin(user[at] * kept.shape[1] + item[at], key)
    return found
