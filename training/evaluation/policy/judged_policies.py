"""Several policies judged on one log: values, paired differences to a champion, effective sizes, support."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from training.evaluation.policy.bootstrap import DRAWS, CustomerBootstrap, Interval
from training.evaluation.policy.estimators import Estimates, Estimator, Shares, estimate
from training.evaluation.policy.logged_rounds import Array, LoggedRounds
from training.evaluation.policy.reward_model import RewardModel, expected_rewards
from training.evaluation.policy.support import Support, support


@dataclass(frozen=True)
class JudgedPolicy:
    """What the log says of one policy.

    Attributes:
        name: of the policy.
        support: how far the log covers it; where `support.refusal` speaks, there are no figures.
        value: estimator → reward a round with its 95 % interval; DM has none, as nobody knows how wrong its model is.
        difference: estimator → the same minus the champion's, on the same draws; empty for the champion itself.
        clip: λ of clipped DR.
        clipped: share of the weights that clipping took away.
    """

    name: str
    support: Support
    value: dict[Estimator, Interval]
    difference: dict[Estimator, Interval]
    clip: float
    clipped: float


def judge_policies(
    rounds: LoggedRounds,
    targets: Mapping[str, Array],
    *,
    champion: str,
    model: RewardModel | None = RewardModel.RIDGE,
    clip: float | None = None,
    seed: int,
    draws: int = DRAWS,
    asks_paid: bool = True,
) -> list[JudgedPolicy]:
    """Judge policies beside a champion.

    Args:
        rounds: the log.
        targets: policy → (m,) its probabilities of the same actions; holds the champion.
        champion: what the others are compared with.
        model: of DM and DR; None leaves them out.
        clip: λ of clipped DR; None: √n.
        seed: of folds and draws.
        draws: of the bootstrap.
        asks_paid: whether too few rewards above 0 are a reason to refuse; not where what is rare is counted.

    Returns:
        In the order of `targets`.

    Raises:
        BrokenLog: a policy's probabilities are none.
    """
    expected = None if model is None else expected_rewards(rounds, model, seed=seed)
    covered = {name: support(rounds, target, asks_paid=asks_paid) for name, target in targets.items()}
    found = {name: estimate(rounds, target, expected, clip=clip) for name, target in targets.items()}
    figures = _intervals(CustomerBootstrap(rounds.customer, seed=seed, draws=draws), found, champion)
    judged = []
    for name, its in found.items():
        refused = bool(covered[name].refusal)
        value, difference = figures[name]
        compared = {} if refused or covered[champion].refusal or name == champion else difference
        judged.append(JudgedPolicy(name, covered[name], {} if refused else value, compared, its.clip, its.clipped))
    return judged


def _intervals(
    bootstrap: CustomerBootstrap, found: Mapping[str, Estimates], champion: str
) -> dict[str, tuple[dict[Estimator, Interval], dict[Estimator, Interval]]]:
    """Policy → values and differences; everything is drawn once."""
    keys, asked = list[tuple[str, Estimator, bool]](), list[tuple[Shares, Shares | None]]()
    for name, its in found.items():
        for estimator, shares in its.shares.items():
            keys += [(name, estimator, False), (name, estimator, True)]
            asked += [(shares, None), (shares, found[champion].shares[estimator])]
    figures: dict[str, tuple[dict[Estimator, Interval], dict[Estimator, Interval]]] = {name: ({}, {}) for name in found}
    for (name, estimator, is_difference), interval in zip(keys, bootstrap.intervals(asked), strict=True):
        figures[name][is_difference][estimator] = _bare(interval) if estimator is Estimator.DM else interval
    return figures


def _bare(interval: Interval) -> Interval:
    return Interval(interval.value, math.nan, math.nan, math.nan)
