"""Which experiments a customer is in, and the policy that follows: looked up in microseconds, changed by writing a document.

Customers of the holdouts are in no experiment: they are what the policy as a whole, with all its experiments, is compared with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from features.decisions.assignment import arm_of, holdout_of, place
from features.decisions.experiment import Arm, Experiment, effective
from features.decisions.policy import DecisionPolicy
from features.decisions.record import Assignment

_KEPT = 4096  # combinations of arms whose policy is kept ready; twelve experiments of two arms make as many


@dataclass(frozen=True)
class Assigned:
    """What holds for one customer.

    Attributes:
        assignments: experiment and arm, by experiment.
        policy: with the arms' overrides.
        policy_version: of that policy.
        messages: offer id → message key that replaces the offer's own.
        models: model → label of the version that answers instead of the champion.
    """

    assignments: tuple[Assignment, ...]
    policy: DecisionPolicy
    policy_version: str
    messages: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def told(self) -> dict[str, Any]:
        """The policy as records keep it."""
        return as_kept(self.policy)


def as_kept(policy: DecisionPolicy) -> dict[str, Any]:
    """A policy as records keep it, without what has its default."""
    return policy.model_dump(mode="json", exclude_defaults=True)


class ExperimentBook:
    """Every experiment that was written, beside the shop's policy. Immutable but for what it remembers; safe from any thread.

    Attributes:
        experiments: that can run, by id.
        policy: of the shop.
        problems: experiment → one sentence: it is left out, since its arms no longer fit the policy. Nobody is exposed to it meanwhile.
        arm_models: model → label, of every arm that answers with models of its own.
    """

    def __init__(
        self, experiments: Iterable[Experiment], policy: DecisionPolicy, problems: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        problems = dict(problems)
        running: dict[str, Experiment] = {}
        for one in sorted(experiments, key=lambda one: one.experiment_id):
            try:
                for arm in one.arms:
                    effective(policy, arm)
            except ValueError as error:
                problems[one.experiment_id] = f"The experiment {one.experiment_id} is left out: {error}, beside policy.toml as it stands."
            else:
                running[one.experiment_id] = one
        self.policy = policy
        self.experiments: Mapping[str, Experiment] = MappingProxyType(running)
        self.problems: Mapping[str, str] = MappingProxyType(problems)
        self._dealt = [(one, [(arm.name, arm.weight) for arm in one.arms]) for one in running.values()]
        self.arm_models = tuple(arm.models for one in running.values() for arm in one.arms if arm.models)
        self._made: dict[tuple[Assignment, ...], Assigned] = {(): Assigned((), policy, policy.version)}

    @classmethod
    def of_documents(cls, bodies: Mapping[str, str], policy: DecisionPolicy) -> ExperimentBook:
        """From id → JSON as the ledger keeps it; one that this version cannot read is left out and named in `problems`."""
        read: list[Experiment] = []
        problems: dict[str, str] = {}
        for experiment_id, body in bodies.items():
            try:
                read.append(Experiment.model_validate_json(body))
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(str(part) for part in first["loc"])
                problems[experiment_id] = f"The experiment {experiment_id} cannot be read, {where}: {first['msg']}; write it again."
        return cls(read, policy, problems)

    def wanted(self, now: datetime) -> frozenset[tuple[str, str]]:
        """Name and label of every model that an experiment which has not ended answers with."""
        lasting = (one for one in self.experiments.values() if one.ends_at is None or now < one.ends_at)
        return frozenset(version for one in lasting for arm in one.arms for version in arm.models.items())

    def assigned(self, customer_id: str | None, now: datetime) -> Assigned:
        """What holds for a customer.

        Args:
            customer_id: the customer behind all their ids; None for nobody in particular, who is in no experiment.
            now: the decision's clock, UTC.
        """
        if customer_id is None or not self._dealt or holdout_of(customer_id, self.policy.holdouts) is not None:
            return self._made[()]
        arms = tuple(
            Assignment(experiment_id=one.experiment_id, arm=arm_of(customer_id, one.salt or one.experiment_id, weights))
            for one, weights in self._dealt
            if _runs(one, now) and _holds(one, customer_id)
        )
        found = self._made.get(arms)
        if found is None:
            found = self._merged(arms)
            if len(self._made) < _KEPT:
                self._made[arms] = found
        return found

    def _merged(self, assignments: tuple[Assignment, ...]) -> Assigned:
        policy, messages, models = self.policy, dict[str, str](), dict[str, str]()
        for one in assignments:
            arm = _arm(self.experiments[one.experiment_id], one.arm)
            policy = effective(policy, arm)
            messages |= arm.messages
            models |= arm.models
        return Assigned(assignments, policy, policy.version, MappingProxyType(messages), MappingProxyType(models))


def _runs(one: Experiment, now: datetime) -> bool:
    return one.starts_at <= now and (one.ends_at is None or now < one.ends_at)


def _holds(one: Experiment, customer_id: str) -> bool:
    salt = f"{one.salt or one.experiment_id}:share" if one.layer is None else f"layer:{one.layer}"
    return one.layer_from <= place(salt, customer_id) < one.layer_from + one.share


def _arm(one: Experiment, name: str) -> Arm:
    return next(arm for arm in one.arms if arm.name == name)
