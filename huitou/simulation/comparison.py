"""Every policy in the same worlds, seed by seed, into one table."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.assumptions import FILE, load_assumptions
from features.decisions.policy import ContactPolicy, DecisionPolicy
from huitou.simulation.beliefs import beliefs_of, lines, saved_by_audience
from huitou.simulation.messages import Messages
from huitou.simulation.served_policy import ServedPolicy
from huitou.simulation.shop import nights, open_shop
from huitou.simulation.shop_files import write_policy
from training.simulation.oracle_beside import OracleBeside
from training.simulation.parameters import WorldParameters
from training.simulation.peers import PEERS, Limits, Peer, PeerName, limits_for
from training.simulation.state import State
from training.simulation.table import SimulatorTable, audience_rows, oracle_share, policy_row
from training.simulation.trajectory import Policy, Trajectory, before_live, live
from training.simulation.truth import truth
from training.simulation.world import World, make_world

OURS = "huitou"
_POLICY = DecisionPolicy(contact=ContactPolicy(presets=("wecom",)))

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Comparison:
    """What is to be compared.

    Attributes:
        parameters: of the world.
        weeks: lived by every policy.
        policy: huitou's policy, whose holdouts, exploration and monthly cap (`wecom`: 4 messages) bind everybody.
        peers: whom besides sending nothing.
        served: whether huitou itself runs; without it only the peers do.
        http: ask a service process over HTTP instead of in this one.
        train_every_weeks: as in `huitou.simulation.shop.nights`.
        models: the same.
    """

    parameters: WorldParameters
    weeks: int = 12
    policy: DecisionPolicy = _POLICY
    peers: tuple[PeerName, ...] = PEERS
    served: bool = True
    http: bool = False
    train_every_weeks: int = 4
    models: tuple[str, ...] | None = None


@dataclass
class _Lived:
    """Trajectories by policy, a seed each."""

    paths: dict[str, list[Trajectory]] = field(default_factory=dict)
    true: dict[str, list[NDArray[np.float64]]] = field(default_factory=dict)
    best: dict[str, list[NDArray[np.float64]]] = field(default_factory=dict)
    judged: list[NDArray[np.bool_]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    saved: dict[str, list[float]] = field(default_factory=dict)


def compare(asked: Comparison, seeds: Sequence[int], *, tell: Tell = lambda _: None) -> SimulatorTable:
    """Live every seed's world under every policy.

    Args:
        asked: what is to be compared.
        seeds: of the worlds.
        tell: told what is going on.

    Raises:
        HuitouError: the service refused something.
    """
    lived = _Lived()
    for seed in seeds:
        _one_seed(asked, seed, lived, tell)
    nothing = lived.paths["send nothing"]
    return SimulatorTable(
        world=asked.parameters.name,
        customers=asked.parameters.people.customers,
        weeks=asked.weeks,
        seeds=tuple(seeds),
        currency=asked.parameters.currency,
        rows=tuple(policy_row(name, paths, nothing, lived.judged) for name, paths in lived.paths.items()),
        oracle_shares=tuple(oracle_share(name, lived.true[name], lived.best[name]) for name in lived.true),
        audiences=audience_rows(lived.saved),
        notes=tuple(lived.notes),
    )


def _one_seed(asked: Comparison, seed: int, lived: _Lived, tell: Tell) -> None:
    world = make_world(asked.parameters, seed=seed, weeks=asked.weeks)
    messages = Messages(world)
    ids = [messages.customer(number) for number in range(world.people.count)]
    limits = limits_for(ids, asked.policy.holdouts, asked.policy.exploration)
    lived.judged.append(limits.judged)
    state = world.begin()
    if not asked.served:
        before_live(world, state)
    else:
        with tempfile.TemporaryDirectory(prefix="huitou-simulator-") as folder:
            state = _served(asked, world, Path(folder), limits=limits, lived=lived, tell=lambda part: tell(f"seed {seed}: {OURS}, {part}"))
    for name in dict.fromkeys(("send nothing", *asked.peers)):
        tell(f"seed {seed}: {name}")
        _live(world, state.copy(), Peer(world, name, limits), asked.weeks, name=name, limits=limits, lived=lived)


def _served(asked: Comparison, world: World, folder: Path, *, limits: Limits, lived: _Lived, tell: Tell) -> State:
    """Live huitou's policy; returns the first morning, which all share."""
    night = nights(folder, train_every_weeks=asked.train_every_weeks, models=asked.models, tell=tell)
    state = world.begin()
    write_policy(asked.policy, folder)
    open_shop(world, state, folder, night, tell=tell)
    served = ServedPolicy(world, folder, night, asked.http, tell=tell)
    last = state.copy()
    _live(world, last, served, asked.weeks, name=OURS, limits=limits, lived=lived)
    _believed(world, last, served, lived)
    lived.notes.append(f"answers: {served.answered()}")
    lived.notes += [f"not taken: offer {refused}" for refused in served.refused]
    if served.degraded:
        lived.notes.append("degraded: " + ", ".join(f"{part} {count:,}" for part, count in served.degraded.most_common()))
    return state


def _believed(world: World, state: State, served: ServedPolicy, lived: _Lived) -> None:
    """The morning after the last week: what is believed and what is true, and whom a campaign would save."""
    known = truth(world, state)
    served.choose(len(served.chosen) + 1, state, lambda: known)
    believed = beliefs_of(world, served.data_dir, served.decisions[-1])
    if not len(believed.customer):
        return
    lived.notes += lines(believed, known)
    at_risk_from = load_assumptions(served.data_dir / FILE).offers.winback_from_churn
    for audience, saved in saved_by_audience(world, believed, known, served.risk, at_risk_from=at_risk_from).items():
        lived.saved.setdefault(audience, []).append(saved)


def _live(world: World, state: State, policy: Policy, weeks: int, *, name: str, limits: Limits, lived: _Lived) -> None:
    beside = OracleBeside(world, limits)
    path = live(world, state, policy, weeks, watch=beside.watch if name != "send nothing" else lambda *_: None)
    lived.paths.setdefault(name, []).append(path)
    if name != "send nothing":
        true, best = beside.by_week
        lived.true.setdefault(name, []).append(true)
        lived.best.setdefault(name, []).append(best)
