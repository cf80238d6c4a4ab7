"""An experiment as a shop writes it: who is in it, what its arms do, what is measured, and when it may be read.

It is checked when it is written. What two experiments may not do to each other stands in `features.decisions.experiment_rules`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from features.decisions.experiment_size import planned_size
from features.decisions.policy import DecisionPolicy

Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")]
ModelVersion = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^@?[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
Told = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
_UNTOUCHABLE = {"holdouts": "the holdouts are everybody's yardstick", "name": "the version's hash tells the arms' policies apart"}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Outcome(StrEnum):
    """What is measured of every customer, from the first exposure on."""

    CONVERSION = "conversion"  # share that orders
    MARGIN = "margin"  # money left by the orders, per customer
    MARGIN_PER_ORDER = "margin_per_order"  # the same, per order: a ratio of two means
    REPURCHASE = "repurchase"  # share that orders again, of those who had ordered before
    UNSUBSCRIBED = "unsubscribed"  # share that leaves a channel

    @property
    def is_share(self) -> bool:
        """Whether a customer's outcome is yes or no."""
        return self in {Outcome.CONVERSION, Outcome.REPURCHASE, Outcome.UNSUBSCRIBED}


class Metric(_Part):
    """One measure; a customer counts once `within_days` have passed since the first exposure, so that everybody is given equal time."""

    outcome: Outcome = Outcome.CONVERSION
    within_days: int = Field(default=28, ge=1, le=365)


class Guardrail(_Part):
    """What must not get worse by more than a margin, whatever the metric says (one-sided non-inferiority).

    Attributes:
        outcome, within_days: as in a metric.
        margin: largest harm that would be accepted: in share points for a share, in currency for money.
    """

    outcome: Outcome
    within_days: int = Field(ge=1, le=365)
    margin: float = Field(gt=0, allow_inf_nan=False)


# A shop loses a customer it may no longer write to for years, so that one in a hundred is already much; the margin on repurchase is what
# 10,000 customers an arm can just tell apart at a base of 50 %: both are the shop's to set.
GUARDRAILS = (
    Guardrail(outcome=Outcome.UNSUBSCRIBED, within_days=28, margin=0.01),
    Guardrail(outcome=Outcome.REPURCHASE, within_days=90, margin=0.02),
)


class Arm(_Part):
    """One way to treat customers.

    Attributes:
        name: unique within the experiment.
        weight: share of the experiment's customers, relative to the other arms'.
        overrides: values of the policy that differ in this arm, nested as in `policy.toml`; empty: the policy as it stands.
        messages: offer id → message key: another copy of the same offer.
        models: model → version that answers instead of the champion: `3`, `3-8f2c1a90` as `model_versions` of an answer writes it, or an
            alias such as `@challenger`. What was meant is found out when the experiment is written, and stands in it from then on.
    """

    name: Name
    weight: float = Field(default=1.0, gt=0, le=1e6, allow_inf_nan=False)
    overrides: dict[str, Any] = {}
    messages: Annotated[dict[Told, Told], Field(max_length=1000)] = {}
    models: Annotated[dict[Name, ModelVersion], Field(max_length=32)] = {}

    @model_validator(mode="after")
    def _is_a_policy(self) -> Self:
        for section, reason in _UNTOUCHABLE.items():
            if section in self.overrides:
                raise ValueError(f"overrides.{section}: no experiment may change this; {reason}")
        effective(DecisionPolicy(), self)
        return self

    @property
    def touches(self) -> frozenset[str]:
        """What the arm decides on: sections of the policy, copies, models."""
        return frozenset({*self.overrides, *(f"message of {one}" for one in self.messages), *(f"model {one}" for one in self.models)})


class Experiment(_Part):
    """An experiment.

    Attributes:
        experiment_id: the shop's own id.
        title: for people.
        salt: of the hash that deals customers to arms; the id by default. Another salt, another deal.
        arms: the control first.
        share: of the customers outside the holdouts that are in it.
        layer, layer_from: experiments of one layer share out its customers: this one has those from `layer_from` to `layer_from + share`.
            Without a layer, customers are in it independently of all other experiments.
        starts_at, ends_at: decisions from `starts_at` on and before `ends_at` are made by it; `ends_at` None: until it is given one.
        metric: what it is about.
        guardrails: what must not suffer.
        baseline, smallest_effect, deviation: what the metric shows without the change, the smallest difference worth finding, and, where
            the metric is money, its standard deviation per customer; what `size` is computed from.
        size: customers in all arms together whose time is over when a fixed reading is made. For a sequential reading, where the
            intervals are narrowest.
        alpha, power: of the planned test.
        reading: `fixed`: locked until `size`, then read once. `sequential`: intervals that hold however often they are looked at.
    """

    experiment_id: Name
    title: Told | None = None
    salt: Told | None = None
    arms: Annotated[tuple[Arm, ...], Field(min_length=2, max_length=20)]
    share: float = Field(default=1.0, gt=0, le=1)
    layer: Name | None = None
    layer_from: float = Field(default=0.0, ge=0, lt=1)
    starts_at: AwareDatetime
    ends_at: AwareDatetime | None = None
    metric: Metric = Metric()
    guardrails: Annotated[tuple[Guardrail, ...], Field(max_length=20)] = GUARDRAILS
    baseline: float | None = Field(default=None, allow_inf_nan=False)
    smallest_effect: float | None = Field(default=None, allow_inf_nan=False)
    deviation: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    size: int | None = Field(default=None, ge=2, le=10**10)
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    power: float = Field(default=0.8, ge=0.5, lt=1)
    reading: Literal["fixed", "sequential"] = "fixed"

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        names = [arm.name for arm in self.arms]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"arms: two are called {twice}")
        if self.ends_at is not None and self.ends_at <= self.starts_at:
            raise ValueError("ends_at: not after starts_at")
        if self.layer is None and self.layer_from:
            raise ValueError("layer_from: a place in a layer needs a layer")
        if self.layer_from + self.share > 1 + 1e-9:
            raise ValueError(f"share: from {self.layer_from:g} on, a layer has {1 - self.layer_from:g} left")
        if self.size is None:
            self._planned()
        return self

    def _planned(self) -> int:
        if self.baseline is None or self.smallest_effect is None:
            raise ValueError("size: give it, or baseline and smallest_effect, from which it is computed")
        if not self.metric.outcome.is_share and self.deviation is None:
            raise ValueError(f"deviation: the size of an experiment about {self.metric.outcome} is computed from it; give it, or size")
        deviation = None if self.metric.outcome.is_share else self.deviation
        weights = [arm.weight for arm in self.arms]
        return planned_size(
            weights, baseline=self.baseline, effect=self.smallest_effect, deviation=deviation, alpha=self.alpha, power=self.power
        )

    def sized(self) -> Experiment:
        """The experiment with its planned size and its salt written down."""
        size = self._planned() if self.size is None else self.size
        return self.model_copy(update={"size": size, "salt": self.salt or self.experiment_id})

    @property
    def control(self) -> Arm:
        """What the other arms are compared with."""
        return self.arms[0]

    @property
    def touches(self) -> frozenset[str]:
        """What any of its arms decides on."""
        return frozenset().union(*(arm.touches for arm in self.arms))


def effective(policy: DecisionPolicy, arm: Arm) -> DecisionPolicy:
    """The policy of an arm.

    Raises:
        ValueError: an override names no field, or a value does not do; names the field.
    """
    try:
        return policy.changed(arm.overrides)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in ("overrides", *first["loc"]))
        raise ValueError(f"{field}: {first['msg']}") from None
