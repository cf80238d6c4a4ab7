"""A decision explained: what was considered, what each was worth and why, what was drawn, what fell before."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, BaseModel, Field, StrictBool

from features.decisions.record import Holdout, TauSource
from serving.api.fields import Probability


class PartView(BaseModel):
    """One factor of a value."""

    factor: str
    counted: StrictBool = Field(description="Whether the policy counts it.")
    amount: float = Field(description="Money it adds or takes; the amounts of an offer sum to its value.")
    sentence_en: str
    sentence_zh: str


class ConsideredView(BaseModel):
    """An offer among which was chosen."""

    offer_id: str
    type: str
    slot: int | None = Field(description="Place in the answer from 1; null when it was not given.")
    value: float = Field(description="Money expected of sending it rather than nothing.")
    propensity: Probability = Field(description="P(it came first), exact.")
    policy_propensity: Probability = Field(description="The same, were the customer in no holdout.")
    uplift_source: TauSource
    parts: list[PartView]


class FallenView(BaseModel):
    """An offer that fell before the choice."""

    offer_id: str
    type: str
    step: str
    code: str
    sentence_en: str
    sentence_zh: str


class DecisionAnswer(BaseModel):
    """One decision, made again from its record."""

    decision_id: str
    customer_id: str | None = Field(description="Null where nothing personal was used.")
    now: AwareDatetime = Field(description="The clock it was made by.")
    channel: str | None
    scenario: str | None
    policy_version: str
    policy: dict[str, Any] = Field(description="The whole policy, an experiment's overrides included.")
    holdout: Holdout | None
    experiments: dict[str, str] = Field(description="Experiment → arm.")
    explored: StrictBool = Field(description="Whether it was drawn to find something out, rather than the best offer taken.")
    seed: str = Field(description="Of the draw; text, since it is larger than numbers in JSON may be.")
    model_versions: dict[str, str]
    state: dict[str, float | None] = Field(description="What the effects were looked up with.")
    sentence_en: str
    sentence_zh: str
    considered: list[ConsideredView] = Field(description="First slot first, then by value.")
    dropped: list[FallenView]
    replayed: StrictBool = Field(description="Made again from the record, it came out the same: values, probabilities and draw.")
    differences: list[str] = Field(description="What did not, one sentence each.")
