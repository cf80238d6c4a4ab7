"""Randomised decisions whose true effects are known, drawn from a seed: for tests of what is learned from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.decisions.state import STATE
from training.artifacts.effect_design import EffectDesign
from training.datasets.effect_rows import EffectRows

OFFERS = tuple((f"{kind}:{i}", kind) for kind in ("coupon", "replenishment", "winback") for i in range(4))
LEAST = 0.02
_DAY = 86_400_000_000


@dataclass(frozen=True)
class Lots:
    """Rows, and the true effect of every row's offer."""

    rows: EffectRows
    truth: np.ndarray


def draw_lots(
    customers: int = 1500,
    weeks: int = 6,
    *,
    seed: int,
    mean: float = 0.05,
    slopes: dict[int, float] | None = None,
    types: float = 0.03,
    own: float = 0.02,
    any_order: bool = True,
    silence: float = 0.4,
) -> Lots:
    """Decisions of a policy that looks at the customer and draws; effects are linear in the design's columns.

    Args:
        customers, weeks: one decision each.
        seed: of everything.
        mean: of all effects, in steps.
        slopes: column of the design → what one standard deviation of it adds.
        types, own: how far types and offers lie apart.
        any_order: whether all offers ask for the same response.
        silence: P(nothing is given), on average.
    """
    random = np.random.default_rng(seed)
    n, k = customers * weeks, len(OFFERS)
    state = np.abs(random.normal(1.0, 0.6, (n, len(STATE))))
    state[:, STATE.index("p_order")] = random.beta(2, 5, n)
    base = np.clip(state[:, STATE.index("p_order")], 0.02, 0.9)
    p0 = np.tile(base[:, None], (1, k)) if any_order else np.clip(base[:, None] * random.uniform(0.2, 1.0, (n, k)), 0.02, 0.9)
    design = EffectDesign.of(np.repeat(state, k, axis=0), p0.ravel())
    columns = design(np.repeat(state, k, axis=0), p0.ravel()).reshape(n, k, -1)
    of_type = dict(zip(("coupon", "replenishment", "winback"), random.normal(0, types, 3), strict=True))
    steps = mean + np.array([of_type[kind] for _, kind in OFFERS]) + random.normal(0, own, k)
    effect = np.tile(steps, (n, 1))
    for column, slope in (slopes or {}).items():
        effect = effect + slope * columns[:, :, column]
    step = design.step(np.repeat(state, k, axis=0), p0.ravel(), LEAST).reshape(n, k)
    tau = np.clip(effect * step, -p0, 1 - p0)
    appeal = random.normal(0, 0.7, (n, k)) + 0.5 * state[:, :1]
    chance = np.exp(appeal)
    chance = np.c_[(1 - silence) * chance / chance.sum(axis=1, keepdims=True), np.full(n, silence)]
    given = (random.random((n, 1)) > np.cumsum(chance, axis=1)).sum(axis=1).clip(max=k)
    common = random.random(n)
    luck = np.tile(common[:, None], (1, k)) if any_order else random.random((n, k))
    treated = given[:, None] == np.arange(k)
    outcome = luck < p0 + tau * treated
    kept = treated | (given == k)[:, None]
    decision, offer = np.nonzero(kept)
    e = chance[:, :k] / (chance[:, :k] + chance[:, k:])

    def of(values: np.ndarray) -> np.ndarray:
        return np.asarray(values[kept], dtype=np.float64)

    ones = np.ones(len(decision))
    rows = EffectRows(
        horizon_days=28,
        offers=OFFERS,
        decision=decision,
        offer=offer,
        p0=of(p0),
        treated=of(treated),
        chance=of(e),
        outcome=of(outcome),
        any_order=np.full(len(decision), any_order),
        margin=10 * ones,
        discount=1 * ones,
        cost=0.02 * ones,
        state=state,
        customer=np.arange(n) % customers,
        at=(np.arange(n) // customers) * 7 * _DAY,
        names=tuple(f"c{i}" for i in range(customers)),
    )
    return Lots(rows, of(tau))
