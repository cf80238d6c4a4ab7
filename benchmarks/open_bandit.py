"""Our estimators beside those of the Open Bandit Pipeline (Saito, Aihara, Matsutani and Narita 2021), on the sample of its data.

    pip download obp==0.4.1 --no-deps -d OBP && unzip -d OBP OBP/obp-0.4.1-py3-none-any.whl
    python -m benchmarks.open_bandit --obp OBP

The wheel is unpacked, never installed: its data are read and its estimators imported where they lie, with a stand-in for PyTorch, of which
they only ask whether an array is a tensor. Each log is judged for the other log's policy: for the random one, the fashion shop's Bernoulli
Thompson sampling with the shop's own priors (its chances counted over seeded draws); for that one, random choice. What that policy really
earned in its own log stands beside. Both sides are given the same reward model, ours.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl

from training.evaluation.policy.bootstrap import CustomerBootstrap
from training.evaluation.policy.estimators import Estimator, Shares, Shrinkage, estimate
from training.evaluation.policy.logged_rounds import Array, LoggedRounds, Numbers
from training.evaluation.policy.reward_model import RewardModel, expected_rewards

CAMPAIGNS = ("all", "men", "women")
LIMIT = 2.0  # λ of the clipped estimators: low enough to clip many
_DRAWS = 20_000
_SEED = 12345
_OURS = {  # obp's class and options → our estimator and what it does to weights
    ("InverseProbabilityWeighting", ()): (Estimator.IPS, Shrinkage.PESSIMISTIC),
    ("SelfNormalizedInverseProbabilityWeighting", ()): (Estimator.SNIPS, Shrinkage.PESSIMISTIC),
    ("DirectMethod", ()): (Estimator.DM, Shrinkage.PESSIMISTIC),
    ("DoublyRobust", ()): (Estimator.DR, Shrinkage.PESSIMISTIC),
    ("SwitchDoublyRobust", (("tau", LIMIT),)): (Estimator.CLIPPED_DR, Shrinkage.SWITCH),
    ("DoublyRobustWithShrinkage", (("lambda_", LIMIT),)): (Estimator.CLIPPED_DR, Shrinkage.OPTIMISTIC),
}


@dataclass(frozen=True)
class Side:
    """One estimator on one log, by both.

    Attributes:
        log, campaign: whose log.
        estimator: obp's name of it.
        ours, theirs: clicks a recommendation.
        low, high: our 95 % interval.
        earned: clicks a recommendation that the judged policy had in its own log.
    """

    log: str
    campaign: str
    estimator: str
    ours: float
    theirs: float
    low: float
    high: float
    earned: float


@dataclass(frozen=True)
class Log:
    """One log of the sample."""

    folder: Path
    rows: pl.DataFrame

    @cached_property
    def items(self) -> int:
        """Actions."""
        return pl.read_csv(self.folder / "item_context.csv").height

    @cached_property
    def taken(self) -> Numbers:
        """(n,) item."""
        return self.rows["item_id"].to_numpy().astype(np.int64)

    @cached_property
    def position(self) -> Numbers:
        """(n,) 0, 1, 2: the three places of the page."""
        return self.rows["position"].rank("dense").to_numpy().astype(np.int64) - 1

    @cached_property
    def clicks(self) -> Array:
        """(n,) 0 or 1."""
        return self.rows["click"].to_numpy().astype(np.float64)

    def rounds(self) -> LoggedRounds:
        """As ours; of the items that were not taken the log keeps no chance, so what is left is dealt evenly: no estimator asks for it."""
        n, k = len(self.taken), self.items
        chance = self.rows["propensity_score"].to_numpy()
        propensity = np.repeat((1.0 - chance) / (k - 1), k)
        at = np.arange(n) * k + self.taken
        propensity[at] = chance
        return LoggedRounds(np.arange(n), np.arange(n + 1) * k, propensity, at, self.clicks, self._inputs())

    def _inputs(self) -> Array:
        """What the shop knows of visitor, item and place: affinity, the item's number feature, places, the visitor's coarsest group."""
        n, k = len(self.taken), self.items
        affinity = self.rows.select(pl.col("^user-item_affinity_.*$")).to_numpy()[:, :k].reshape(-1)
        feature = np.tile(pl.read_csv(self.folder / "item_context.csv").sort("item_id")["item_feature_0"].to_numpy(), n)
        place = np.repeat(np.eye(3)[self.position], k, axis=0)
        group = np.repeat((self.rows["user_feature_0"] == self.rows["user_feature_0"][0]).cast(pl.Float64).to_numpy(), k)
        return np.column_stack([affinity, feature, place, group]).astype(np.float64)


def read_log(obp: Path, policy: str, campaign: str) -> Log:
    """Read one log of the unpacked wheel."""
    folder = obp / "obp" / "dataset" / "obd" / policy / campaign
    return Log(folder, pl.read_csv(folder / f"{campaign}.csv").sort("timestamp", maintain_order=True))


def thompson(obp: Path, campaign: str) -> Array:
    """(items, 3) P(item is shown in the place): the shop's priors, counted over draws."""
    read, lists = dict[str, list[float]](), ""
    inside = False
    for line in (obp / "obp" / "policy" / "conf" / "prior_bts.yaml").read_text(encoding="utf-8").splitlines():
        if not line.startswith(" "):
            inside = line.strip() == f"{campaign}:"
        elif inside and line.strip().endswith(":"):
            lists = line.strip().removesuffix(":")
            read[lists] = []
        elif inside:
            read[lists].append(float(line.strip().removeprefix("- ")))
    drawn = np.random.default_rng(_SEED).beta(read["alpha"], read["beta"], (_DRAWS, len(read["alpha"])))
    best = np.argsort(-drawn, axis=1)[:, :3]
    return np.stack([np.bincount(best[:, place], minlength=len(read["alpha"])) / _DRAWS for place in range(3)], axis=1)


def their_estimators(obp: Path) -> ModuleType:
    """Their module of estimators, without what the rest of the package needs; the stand-ins are gone afterwards."""
    stand_ins = {name: ModuleType(name) for name in ("torch", "obp", "obp.ope")}
    stand_ins["torch"].Tensor = type("Tensor", (), {})  # type: ignore[attr-defined]
    for name in ("obp", "obp.ope"):
        stand_ins[name].__path__ = [str(obp.joinpath(*name.split(".")))]
    before = set(sys.modules)
    sys.modules.update({name: module for name, module in stand_ins.items() if name not in before})
    try:
        return importlib.import_module("obp.ope.estimators")
    finally:
        for name in {name for name in set(sys.modules) - before if name.split(".")[0] in {"torch", "obp"}}:
            del sys.modules[name]


def compare(obp: Path, policy: str, campaign: str) -> list[Side]:
    """Judge the other log's policy on one log, by both.

    Args:
        obp: folder of the unpacked wheel.
        policy: `random` or `bts`: whose log is used.
        campaign: `all`, `men` or `women`.
    """
    log = read_log(obp, policy, campaign)
    n, k = len(log.taken), log.items
    of_place = thompson(obp, campaign) if policy == "random" else np.full((k, 3), 1.0 / k)
    rounds, target = log.rounds(), of_place.T[log.position].reshape(-1)
    expected = expected_rewards(rounds, RewardModel.RIDGE, seed=1)
    theirs = their_estimators(obp)
    given: dict[str, Any] = {
        "reward": log.clicks,
        "action": log.taken,
        "position": np.zeros(n, dtype=int),
        "pscore": rounds.propensity[rounds.taken],
        "action_dist": target.reshape(n, k, 1),
        "estimated_rewards_by_reg_model": expected.reshape(n, k, 1),
    }
    earned = float(read_log(obp, "bts" if policy == "random" else "random", campaign).clicks.mean())
    asked = list[tuple[Shares, Shares | None]]()
    for estimator, shrinkage in _OURS.values():
        asked.append((estimate(rounds, target, expected, clip=LIMIT, shrinkage=shrinkage).shares[estimator], None))
    intervals = CustomerBootstrap(rounds.customer, seed=1).intervals(asked)
    return [
        Side(policy, campaign, name, found.value, float(getattr(theirs, name)(**dict(options)).estimate_policy_value(**given)),
             found.low, found.high, earned)
        for (name, options), found in zip(_OURS, intervals, strict=True)
    ]  # fmt: skip


def main() -> None:
    """Print both side by side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--obp", type=Path, required=True, help="folder of the unpacked wheel")
    obp = parser.parse_args().obp
    print(f"{'log':<7}{'campaign':<9}{'estimator':<43}{'ours':>12}{'obp':>12}{'difference':>12}   our 95 % interval     really earned")
    farthest = 0.0
    for policy in ("random", "bts"):
        for campaign in CAMPAIGNS:
            for side in compare(obp, policy, campaign):
                apart = side.ours - side.theirs
                farthest = max(farthest, abs(apart))
                interval = "none" if side.estimator == "DirectMethod" else f"{side.low:.6f}–{side.high:.6f}"
                print(
                    f"{side.log:<7}{side.campaign:<9}{side.estimator:<43}{side.ours:>12.8f}{side.theirs:>12.8f}{apart:>12.1e}"
                    f"   {interval:<20}   {side.earned:.6f}"
                )
    print(f"largest difference: {farthest:.1e}")


if __name__ == "__main__":
    main()
