"""One decision as it is kept: everything that led to it, so that it can be replayed, explained, judged off-policy and learned from.

Probabilities are exact: they are what the choice was drawn from, not what it was meant to be drawn from.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from features.decisions.policy import DecisionPolicy
from features.decisions.record_columns import as_rows

DRAWN_FROM_SEED = 2  # the first format in which the seed itself says whether a decision explores
FORMAT = 2  # 1: everything in rows; 2: as columns, `features.decisions.record_columns`
NO_ACTION = "no_action"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TauSource(StrEnum):
    """Where an uplift comes from."""

    NONE = "none"  # nothing is caused: no_action
    PRIOR = "prior"  # what is believed before there is data
    LEARNED = "learned"  # from this shop's randomised decisions


class Holdout(StrEnum):
    """Customers on whom the policy does not act."""

    UNIVERSAL = "universal"  # given nothing
    MODEL_CONTROL = "model_control"  # given a lawful offer at random, nothing among them


class Factors(_Part):
    """What an offer's value is made of; money in the shop's currency, probabilities of one response within the policy's horizon.

    `features.decisions.worth` makes the value of them. All are kept, also those that the policy does not count.

    Attributes:
        context: how well the moment suits the offer; 1 unless the policy says otherwise.
        lever: the merchant's weight of the offer; 1 by default.
        p0: P₀, calibrated: P(responds without any contact).
        p0_soon: the same within the days in which effects are learned (`DecisionPolicy.learned_days`); None in records that had none.
        p0_valid: the same within the days in which a discount can be had; None: within the horizon, or there is no discount.
        tau: τ, what the offer adds to P₀; its mean where it is uncertain.
        tau_sd: standard deviation of what is believed of τ.
        tau_source: where τ comes from.
        margin: money that one response leaves, before the discount.
        discount: money given away by one response.
        contact_cost: the message's price and what else sending costs.
        fatigue: what the message costs later: customers who leave the channel, later messages that work less.
    """

    context: float = 1.0
    lever: float = 1.0
    p0: float = 0.0
    p0_soon: float | None = None
    p0_valid: float | None = None
    tau: float = 0.0
    tau_sd: float = 0.0
    tau_source: TauSource = TauSource.NONE
    margin: float = 0.0
    discount: float = 0.0
    contact_cost: float = 0.0
    fatigue: float = 0.0


class Considered(_Part):
    """An offer among which the choice was made; `no_action` is always one of them.

    Attributes:
        offer_id, type: of the offer.
        product_ids: what it offers; empty where any order counts as the response.
        factors: its value's parts.
        value: money expected of sending it rather than nothing, by the policy.
        propensity: P(it was given first), exact, of the draw that was made.
        policy_propensity: the same of the policy itself; differs from `propensity` in a holdout only.
        slot: place in the answer from 1; None when not given.
    """

    offer_id: str
    type: str
    product_ids: tuple[str, ...] = ()
    factors: Factors = Factors()
    value: float = 0.0
    propensity: float = Field(ge=0, le=1)
    policy_propensity: float = Field(ge=0, le=1)
    slot: int | None = None


class DroppedOffer(_Part):
    """An offer that was not among them.

    Attributes:
        step: eligible, applicable, suitable, contact_policy, arbitrate.
        code: stable name of the rule.
        sentence_en, sentence_zh: for the marketer.
    """

    offer_id: str
    type: str
    step: str
    code: str
    sentence_en: str
    sentence_zh: str


class Assignment(_Part):
    """The arm of an experiment into which the customer falls, for good."""

    experiment_id: str
    arm: str


class DecisionRecord(_Part):
    """One decision.

    Attributes:
        format: of this record.
        decision_id: unique; the draw is made from it, the customer and the policy's seed.
        customer_id: whose; None where nothing personal was used.
        now: the service's clock: what the features were read as of and the rules were judged by, UTC.
        channel, scenario: as asked.
        policy: that decided, an experiment's overrides included; its horizon is that of every probability and every value.
        state: what is known of the customer that the effect of an offer may depend on; name → number, NaN where not known.
        considered: the offers among which the choice was made; propensities sum to 1.
        dropped: the others.
        explored: whether it was drawn to find something out, rather than the best offer taken.
        seed: of the draw.
        beliefs_seed: of the draws of what is believed, from which the propensities are made; None in older records: `seed`.
        holdout: the holdout into which the customer falls, if any.
        assignments: experiments.
        model_versions: of the models that answered.
        limit: most offers asked for.
    """

    format: int = FORMAT
    decision_id: str
    customer_id: str | None
    now: AwareDatetime
    channel: str | None = None
    scenario: str | None = None
    policy: DecisionPolicy
    state: dict[str, float | None] = {}
    considered: tuple[Considered, ...]
    dropped: tuple[DroppedOffer, ...] = ()
    explored: bool = False
    seed: int
    beliefs_seed: int | None = None
    holdout: Holdout | None = None
    assignments: tuple[Assignment, ...] = ()
    model_versions: dict[str, str] = {}
    limit: int = 1

    @property
    def beliefs(self) -> int:
        """The seed of the draws of what is believed."""
        return self.seed if self.beliefs_seed is None else self.beliefs_seed

    @model_validator(mode="before")
    @classmethod
    def _as_rows(cls, told: Any) -> Any:  # noqa: ANN401 - whatever is to be validated
        return as_rows(told) if isinstance(told, dict) else told

    @property
    def policy_version(self) -> str:
        """`name@hash` of the policy."""
        return self.policy.version

    @property
    def given(self) -> tuple[Considered, ...]:
        """What was given, first slot first; never empty: silence is `no_action`."""
        chosen = [one for one in self.considered if one.slot is not None]
        return tuple(sorted(chosen, key=lambda one: one.slot or 0))
