"""Is what is measured true? A/A tests, the holdout's lift and off-policy intervals in worlds whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from features.decisions.assignment import arm_of, place
from features.errors import TooLittleHistory
from training.evaluation.policy.estimators import Estimator
from training.evaluation.policy.judged_policies import judge_policies
from training.evaluation.policy.logged_rounds import LoggedRounds
from training.simulation.draws import Purpose
from training.simulation.parameters import WorldParameters
from training.simulation.response import need
from training.simulation.state import NOTHING, State
from training.simulation.trajectory import before_live
from training.simulation.truth import truth
from training.simulation.world import WEEK, World, make_world

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]

ESTIMATORS = (Estimator.IPS, Estimator.SNIPS, Estimator.DR, Estimator.CLIPPED_DR)


def fewer(parameters: WorldParameters, *, customers: int, history_weeks: int) -> WorldParameters:
    """The world with fewer people and a shorter history."""
    share = customers / parameters.people.customers
    people = parameters.people.model_copy(update={"customers": customers, "arrivals_per_day": parameters.people.arrivals_per_day * share})
    history = parameters.history.model_copy(update={"weeks": history_weeks})
    return parameters.model_copy(update={"people": people, "history": history})


@dataclass(frozen=True)
class NullTrial:
    """One A/A test: both arms are sent the same.

    Attributes:
        plain: chance of a difference this large, Welch's test of the margins.
        adjusted: the same after CUPED with the margin before the test (Deng, Xu, Kohavi and Walker 2013).
    """

    plain: float
    adjusted: float


def null_trial(parameters: WorldParameters, seed: int, *, weeks: int = 4) -> NullTrial:
    """Split customers in two by the salted hash that experiments use, send everybody content weekly, compare the margins."""
    world = make_world(parameters, seed=seed, weeks=weeks)
    state = world.begin()
    before = _margin_of_history(world, state)
    there = world.there(state)
    margin = _margin(world, state, weeks, _everybody(world, "content"))
    ids = [f"c{number:06d}" for number in np.flatnonzero(there).tolist()]
    second = np.array([arm_of(customer, f"aa-{seed}", (("a", 1.0), ("b", 1.0))) == "b" for customer in ids])
    found, known = margin[there], before[there]
    slope = float(np.cov(found, known)[0, 1] / known.var(ddof=1))
    return NullTrial(_welch(found, second), _welch(found - slope * (known - known.mean()), second))


def _welch(values: Array, second: NDArray[np.bool_]) -> float:
    return float(stats.ttest_ind(values[second], values[~second], equal_var=False).pvalue)


@dataclass(frozen=True)
class HoldoutTrial:
    """One holdout.

    Attributes:
        told: mean margin of the others less that of the holdout.
        true: mean over all of the same, of what they earned sent to and not sent to, by the same chance.
    """

    told: float
    true: float


def holdout_trial(parameters: WorldParameters, seed: int, *, weeks: int = 4, share: float = 0.2) -> HoldoutTrial:
    """Send a reminder of the greatest need weekly, but nothing to the holdout; compare with the truth."""
    world = make_world(parameters, seed=seed, weeks=weeks)
    state = world.begin()
    before_live(world, state)
    there = np.flatnonzero(world.there(state))
    held = np.array([place(f"holdout-{seed}", f"c{number:06d}") < share for number in there.tolist()])
    sent = _margin(world, state.copy(), weeks, None)[there]
    quiet = _margin(world, state.copy(), weeks, _everybody(world, None))[there]
    # Customers do not touch each other, so the holdout's part of the quiet world is what happens to the holdout.
    return HoldoutTrial(float(sent[~held].mean() - quiet[held].mean()), float((sent - quiet).mean()))


@dataclass(frozen=True)
class CoverageTrial:
    """One log: for each estimator whether its 95 % interval held the target policy's true value on the logged states."""

    value: dict[Estimator, bool]
    difference: dict[Estimator, bool]


def coverage_trial(parameters: WorldParameters, seed: int) -> CoverageTrial:
    """Log one morning by a random policy, wait out the horizon, judge two other policies.

    Raises:
        TooLittleHistory: the world has too few customers for an interval to be told.
    """
    horizon = parameters.horizon_days
    world = make_world(parameters, seed=seed, weeks=-(-horizon // WEEK))
    state = world.begin()
    before_live(world, state)
    state.reachable[:] = True
    who = np.flatnonzero(world.there(state))
    known = truth(world, state)
    actions, propensity, inputs = _morning(world, state, who)
    random = world.draws.uniform(Purpose.POLICY, world.people.count, state.day)[who]
    taken = (np.cumsum(propensity, axis=1) <= random[:, None]).sum(axis=1)
    sent = np.full(world.people.count, NOTHING)
    sent[who] = actions[np.arange(len(who)), taken]
    reward = np.zeros(world.people.count)
    reward[sent != NOTHING] -= parameters.messages.cost
    for day in range(horizon):
        lines = world.step(state, sent if day == 0 else None).lines
        np.add.at(reward, lines.customer, lines.margin)
    rounds = LoggedRounds(
        customer=np.arange(len(who)),
        first=np.arange(len(who) + 1) * actions.shape[1],
        propensity=propensity.ravel(),
        taken=np.arange(len(who)) * actions.shape[1] + taken,
        reward=reward[who],
        inputs=inputs.reshape(-1, inputs.shape[-1]),
    )
    valued = known.base_margin[who, None] + np.where(actions == NOTHING, 0.0, known.margin[who[:, None], actions])
    targets = {"silence": np.zeros_like(propensity), "reminders": np.full_like(propensity, 0.1 / actions.shape[1])}
    targets["silence"][:, 0] = 1.0
    targets["reminders"][:, 1] += 0.9
    true = {name: float((target * valued).sum(axis=1).mean()) for name, target in targets.items()}
    judged = judge_policies(rounds, {name: t.ravel() for name, t in targets.items()}, champion="silence", seed=seed)
    mine = next(policy for policy in judged if policy.name == "reminders")
    if mine.support.refusal:
        raise TooLittleHistory(f"{len(who):,} customers make no interval: {mine.support.refusal}")
    gap = true["reminders"] - true["silence"]
    return CoverageTrial(
        {e: mine.value[e].low <= true["reminders"] <= mine.value[e].high for e in ESTIMATORS},
        {e: mine.difference[e].low <= gap <= mine.difference[e].high for e in ESTIMATORS},
    )


def _morning(world: World, state: State, who: Numbers) -> tuple[Numbers, Array, Array]:
    """`(n, 4)` nothing, the reminder of the greatest need, content, a coupon; their propensities; inputs of a reward model."""
    needed = need(state, world.people, world.parameters.needs.sharpness)[who]
    actions = np.full((len(who), 4), NOTHING)
    actions[:, 1] = _reminders(world, state)[who]
    for place_, kind in ((2, "content"), (3, "coupon")):
        actions[:, place_] = next(number for number, offer in enumerate(world.offers.found) if offer.kind == kind)
    score = np.stack([0.5 + 0 * needed[:, 0], needed.max(axis=1), 0 * needed[:, 0], 0 * needed[:, 0] - 0.5], axis=1)
    soft = np.exp(score)
    spent = np.stack([needed.sum(axis=1), needed.max(axis=1), world.people.cycle[who].mean(axis=1)], axis=1)
    each = np.eye(4)[None, :, :].repeat(len(who), axis=0)
    shared = spent[:, None, :].repeat(4, axis=1)
    return actions, soft / soft.sum(axis=1, keepdims=True), np.concatenate([each, shared, each * needed.max(axis=1)[:, None, None]], axis=2)


def _reminders(world: World, state: State) -> Numbers:
    """Each customer's reminder of the category that is needed most."""
    needed = need(state, world.people, world.parameters.needs.sharpness)
    numbers = [
        next((n for n, o in enumerate(world.offers.found) if o.kind == "replenishment" and o.categories == (category.name,)), NOTHING)
        for category in world.parameters.categories
    ]
    chosen: Numbers = np.array(numbers, np.int64)[needed.argmax(axis=1)]
    return chosen


def _everybody(world: World, kind: str | None) -> Numbers:
    """The first offer of a kind for all; None: nothing."""
    number = next((n for n, offer in enumerate(world.offers.found) if offer.kind == kind), NOTHING)
    return np.full(world.people.count, number)


def _margin(world: World, state: State, weeks: int, sent: Numbers | None) -> Array:
    """`(n,)` margin of so many weeks; None: reminders."""
    margin = np.zeros(world.people.count)
    for day in range(weeks * WEEK):
        weekly = None if day % WEEK else _reminders(world, state) if sent is None else sent
        happened = world.step(state, weekly)
        np.add.at(margin, happened.lines.customer, happened.lines.margin)
        margin[happened.sent[:, 0]] -= world.parameters.messages.cost
    return margin


def _margin_of_history(world: World, state: State) -> Array:
    margin = np.zeros(world.people.count)
    before_live(world, state, watch=lambda happened: np.add.at(margin, happened.lines.customer, happened.lines.margin))
    return margin
