"""Request and answer of `POST /v1/next-best-offers`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from features.decisions.record import Holdout, TauSource
from serving.api.answer_schemas import PROVENANCE_EXAMPLE, Provenance, ReasonView
from serving.api.fields import Cart, Channel, Money, OpaqueId, Percentile, Probability, Whole
from serving.offers.protocol import VALUE_BASIS

MAX_OFFERS = 20


class NextBestOffersRequest(BaseModel):
    """Who is asked about, where the answer will be sent, and what is known of the moment."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"customer_id": "1", "channel": "email", "limit": 3, "cart": [], "explain": True},
                {"anonymous_id": "device-7f3a", "limit": 2},
                {"customer_id": "1", "personalized": False},
            ]
        },
    )

    customer_id: OpaqueId | None = Field(default=None, description="Nobody, or somebody unknown, gets what suits most people.")
    anonymous_id: OpaqueId | None = Field(
        default=None, description="Somebody not signed in: gets the answer of the customer they are linked to, else what suits most people."
    )
    channel: Channel | None = Field(default=None, description="Where the answer will be sent; decides cost and consent.")
    scenario: str | None = Field(default=None, max_length=64, description="The caller's label; does not change the answer.")
    context: dict[str, str | int | float | bool | None] = Field(
        default={}, max_length=32, description="The caller's facts; they do not change the answer."
    )
    limit: Whole = Field(default=3, ge=1, le=MAX_OFFERS)
    cart: Cart = ()
    personalized: StrictBool = Field(default=True, description="False: nothing of the customer is read or used.")
    explain: StrictBool = Field(default=False, description="Adds the causes of churn and the candidates that were dropped.")


class ItemView(BaseModel):
    """A product in an offer."""

    product_id: str
    name: str
    score: Probability = Field(description="P(bought within 28 days); of the bundle or category where that is predicted.")


class OfferView(BaseModel):
    """One offer, valued."""

    offer_id: str
    type: str
    items: list[ItemView]
    expected_value: Money = Field(
        description="Money expected of sending it rather than nothing, over `horizon_days`:"
        " lever × (uplift × margin − (probability + uplift) × discount) − cost, as far as the policy counts them. no_action is worth 0."
    )
    probability: Probability = Field(description="P(the customer responds within `horizon_days` without being asked).")
    uplift: float = Field(ge=-1, le=1, description="What sending the offer adds to it.")
    uplift_sd: float = Field(ge=0, description="How uncertain that is: its standard deviation.")
    uplift_source: TauSource = Field(description="learned: from this shop's randomised decisions; prior: believed until there are enough.")
    propensity: Probability = Field(description="P(this offer came first), exact, as it was drawn.")
    margin: Money = Field(description="Money that one response leaves before the discount.")
    discount: Money = Field(description="Money given away by one response.")
    cost: Money = Field(description="Money spent whether or not the customer responds: the message's price and the cost of leaving.")
    cost_of_leaving: Money = Field(
        description="Part of the cost: what the message adds to P(leaves the channel within 28 days), as two predictions differ,"
        " or the policy's least, times what is lost with the channel: later messages, and some customers."
    )
    message_key: str | None = Field(description="Of the text in the system that sends: an experiment's copy, else the offer's own.")
    title: dict[str, str] = Field(description="For the customer, by language, as the shop wrote the offer; empty of what a model made.")
    url: str | None = Field(description="Deep link of a written offer.")
    content_id: str | None = Field(description="Content that a written offer points to.")
    reason_codes: list[str]
    reasons: list[ReasonView]
    valid_until: datetime
    channels: list[str]


class DroppedView(BaseModel):
    """A candidate that is not offered."""

    offer_id: str
    type: str
    items: list[ItemView]
    expected_value: Money | None = Field(description="As of an offer; null of what fell before it was valued.")
    step: str = Field(description="Of the decision in which it fell: eligible, contact_policy, arbitrate, …")
    code: str
    sentence_en: str
    sentence_zh: str


class ChurnView(BaseModel):
    """Churn of the customer: P(no order within so many days)."""

    probability_14d: Probability
    probability_28d: Probability
    probability_56d: Probability
    probability_91d: Probability
    percentile_28d: Percentile = Field(description="Share of customers at lower risk.")
    channel_churn_probability_28d: Probability | None = Field(
        default=None,
        description="P(leaves the channel within 28 days: unsubscribes, leaves the group, deletes the contact); null for who has left,"
        " and without the model, which not every shop's history allows.",
    )
    expected_next_order_date: datetime | None = Field(description="Null when not within half a year.")
    reasons: list[ReasonView] = Field(default=[], description="Only with `explain`.")


class NextBestOffersAnswer(Provenance):
    """The decision."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "customer_id": "1",
                    "decision_id": "01a21c7e-b017-7598-b397-c6559b80e994",
                    "stage": "loyal",
                    "layer": "high_value",
                    "churn_undefined": None,
                    "churn": {
                        "probability_14d": 0.11,
                        "probability_28d": 0.031,
                        "probability_56d": 0.012,
                        "probability_91d": 0.004,
                        "percentile_28d": 22.5,
                        "channel_churn_probability_28d": 0.021,
                        "expected_next_order_date": "2018-01-05T11:20:00Z",
                        "reasons": [],
                    },
                    "offers": [
                        {
                            "offer_id": "replenishment:FLUID MILK PRODUCTS",
                            "type": "replenishment",
                            "items": [{"product_id": "1029743", "name": "FLUID MILK WHITE ONLY 1 GA", "score": 0.62}],
                            "expected_value": 0.01,
                            "probability": 0.62,
                            "uplift": 0.0942,
                            "uplift_sd": 0.0188,
                            "uplift_source": "learned",
                            "propensity": 0.91,
                            "margin": 0.67,
                            "discount": 0.0,
                            "cost": 0.05,
                            "cost_of_leaving": 0.04,
                            "message_key": None,
                            "title": {},
                            "url": None,
                            "content_id": None,
                            "reason_codes": ["due_soon"],
                            "reasons": [
                                {
                                    "code": "due_soon",
                                    "sentence_en": "Fluid milk products will be needed again in about 4 days",
                                    "sentence_zh": "预计约 4 天后需要再次购买 FLUID MILK PRODUCTS",
                                    "customer_en": "Time for Fluid milk products again?",
                                    "customer_zh": "FLUID MILK PRODUCTS 该补货了",
                                    "effect": None,
                                }
                            ],
                            "valid_until": "2018-01-08T04:01:20Z",
                            "channels": ["email", "app"],
                        }
                    ],
                    "dropped": [],
                    "policy_version": "default@2c3f9a01",
                    "experiment": None,
                    "holdout": None,
                    "horizon_days": 28,
                    "personalized": True,
                    "value_basis": VALUE_BASIS,
                    **PROVENANCE_EXAMPLE,
                }
            ]
        },
    )

    customer_id: str | None
    decision_id: str
    stage: str | None = Field(description="stranger, aware, interested, buyer, loyal or advocate; null when not personalized.")
    layer: str | None = Field(
        description="high_value, potential, regular or dormant; null when nothing personal was used, and for somebody who never ordered."
    )
    churn: ChurnView | None
    churn_undefined: Literal["never_ordered"] | None = Field(
        default=None, description="Why `churn` is null though the model is there: it says nothing of somebody who never ordered."
    )
    offers: list[OfferView] = Field(description="Best first; `no_action` marks the line below which silence is worth more.")
    dropped: list[DroppedView] = Field(default=[], description="Only with `explain`.")
    policy_version: str
    experiment: str | None = Field(description="Experiments this decision belongs to, as `experiment:arm`; null when it belongs to none.")
    holdout: Holdout | None = Field(
        description="universal: the customer belongs to the share that is sent nothing; model_control: to the share that gets a lawful"
        " offer at random; null for everybody else."
    )
    horizon_days: int = Field(description="Days over which probabilities and values count.")
    personalized: StrictBool = Field(description="Whether anything of the customer was used.")
    value_basis: str = Field(description="What the amounts are.")
