"""Answers of `GET /v1/customers/{customer_id}` and `GET /v1/customers/{customer_id}/scores`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from serving.api.answer_schemas import PROVENANCE_EXAMPLE, Provenance, ReasonView
from serving.api.fields import Money, Percentile, Probability

_CHURN_EXAMPLE: JsonDict = {
    "horizon_days": 28,
    "churn_probability": 0.12,
    "percentile": 64.0,
    "channel_churn_probability": 0.021,
    "beyond_history": False,
}

_EXPECTED_EXAMPLE: JsonDict = {
    "stage": "loyal",
    "layer": "potential",
    "churn_undefined": None,
    "churn": [_CHURN_EXAMPLE],
    "expected_next_order_date": "2018-01-05T11:20:00Z",
    "next_order_date_low": "2018-01-01T18:40:00Z",
    "next_order_date_high": "2018-01-17T03:10:00Z",
    "average_days_between_orders": 6.1,
    "predicted_orders": 57.3,
    "predicted_clv": 1604.2,
    "predicted_clv_low": 1072.8,
    "predicted_clv_high": 2164.5,
    "clv_percentile": 70.8,
    "probability_alive": 0.998,
    "expected_margin_28d": 21.4,
    "reasons": [],
}


_SHOP_WIDE_EXAMPLE: JsonDict = {
    "churn": [{"horizon_days": 28, "churn_probability": 0.31}],
    "median_days_between_orders": 6.1,
    "popular_products": [{"product_id": "1082185", "name": "BANANAS 40 LB"}],
}


ChurnUndefined = Literal["never_ordered"]


class ChurnAtHorizon(BaseModel):
    """P(no order within the horizon)."""

    horizon_days: int
    churn_probability: Probability | None = Field(description="Null for somebody who never ordered: see `churn_undefined`.")
    percentile: Percentile | None = Field(
        description="Share of customers at lower risk; interpolated between 14, 28, 56 and 91 days. Null as above."
    )
    channel_churn_probability: Probability | None = Field(
        default=None,
        description="P(leaves the channel within the horizon: unsubscribes, leaves the group, deletes the contact); null for who has left,"
        " and without the model, which not every shop's history allows. Somebody who never ordered is taken for a new buyer.",
    )
    beyond_history: bool = Field(
        description="The horizon reaches silences that no training row had: there half of the answer is a parametric model's. Also true"
        " for somebody who never ordered, as the models learn from who did."
    )


class Expectations(BaseModel):
    """What is expected of one customer. Orders of one day count once."""

    stage: str = Field(description="aware, interested, buyer, loyal or advocate.")
    layer: str | None = Field(description="high_value, potential, regular or dormant; null for somebody who never ordered.")
    churn: list[ChurnAtHorizon] = Field(description="Empty, and degraded, without the model.")
    churn_undefined: ChurnUndefined | None = Field(
        default=None,
        description="Why there is no churn, next order, value or reason, though the models are there: `never_ordered`. They are learned"
        " from customers who ordered and say nothing of somebody who never did; channel churn, offers and recommendations do.",
    )
    expected_next_order_date: datetime | None = Field(
        default=None, description="The chance of having ordered reaches one half; null when not within half a year."
    )
    next_order_date_low: datetime | None = Field(default=None, description="It reaches a tenth: the 80 % interval begins.")
    next_order_date_high: datetime | None = Field(default=None, description="It reaches nine tenths; null when not within half a year.")
    average_days_between_orders: float | None = Field(description="Null before the second order day.")
    predicted_orders: float | None = Field(default=None, description="Within 365 days. Null, and degraded, without the model.")
    predicted_clv: Money | None = Field(default=None, description="Spend within 365 days, not discounted, not reduced to margin.")
    predicted_clv_low: Money | None = Field(default=None, description="Lower bound of its 80 % interval.")
    predicted_clv_high: Money | None = Field(default=None, description="Upper bound of its 80 % interval.")
    clv_percentile: Percentile | None = Field(default=None, description="Share of customers with a lower predicted_clv.")
    probability_alive: Probability | None = Field(default=None, description="P(still a customer | history), BG/NBD's.")
    expected_margin_28d: Money = Field(description="Margin of 28 days at the customer's present rate of spending.")
    reasons: list[ReasonView] = Field(description="Causes of the churn probability within 28 days, strongest first.")


class ScoresAnswer(Expectations, Provenance):
    """Scores of one customer."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "customer_id": "1",
                    "personalized": True,
                    **_EXPECTED_EXAMPLE,
                    "shap": None,
                    **PROVENANCE_EXAMPLE,
                }
            ]
        },
    )

    customer_id: str
    personalized: Literal[True] = True
    shap: dict[str, float] | None = Field(
        default=None,
        description="On request: exact TreeSHAP of the next week's hazard, in log odds before calibration, feature by feature.",
    )


class Block(BaseModel):
    """A part of the portrait and its freshness."""

    as_of: datetime = Field(description="What the part looks from, UTC.")
    age_days: float = Field(description="Its age by the service's clock.")


class FactsBlock(Block):
    """Named numbers; null where unknown. Names and units are those of the feature definitions."""

    facts: dict[str, float | None]


class Need(BaseModel):
    """A category the customer buys."""

    category: str = Field(description="Where the shop's products carry no category, the product's id.")
    name: str = Field(description="The category for people to read: its own name, or the product's.")
    probability_14d: Probability
    probability_28d: Probability
    due_date: datetime | None = Field(description="When the chance of buying it again reaches one half; null when not within 28 days.")
    usual_quantity: float
    usual_product_id: str | None = Field(description="The customer's most recent product of it that may be offered, else its best seller.")


class NeedsBlock(Block):
    """What will be needed again."""

    categories: list[Need] = Field(description="The most likely within 14 days first, at most 20.")


class PredictionsBlock(Expectations, Block):
    """What is expected."""

    spend_percentile: Percentile = Field(description="Share of customers with a lower spend of about the last 112 days.")


class ToldFacts(BaseModel):
    """What the customer or the shop's file said for choosing when and how to write; each null until it is told."""

    birth_month: int | None
    birth_day: int | None
    timezone: str | None = Field(description="IANA name.")
    locale: str | None = Field(description="BCP 47 tag.")


class PortraitAnswer(Provenance):
    """The whole customer: attributes, behaviour, needs, predictions."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "customer_id": "1",
                    "personalized": True,
                    "told": {"birth_month": 5, "birth_day": 3, "timezone": "Asia/Shanghai", "locale": "zh-CN"},
                    "attributes": {"as_of": "2018-01-01T04:01:20Z", "age_days": 0.0, "facts": {"profile_known": 1.0, "age_from": 65.0}},
                    "behaviour": {"as_of": "2018-01-01T04:01:20Z", "age_days": 0.0, "facts": {"order_count": 80.0, "gap_mean": 4.6}},
                    "needs": {
                        "as_of": "2018-01-01T04:01:20Z",
                        "age_days": 0.0,
                        "categories": [
                            {
                                "category": "SOFT DRINKS",
                                "name": "SOFT DRINKS",
                                "probability_14d": 0.81,
                                "probability_28d": 0.95,
                                "due_date": "2018-01-06T02:00:00Z",
                                "usual_quantity": 2.0,
                                "usual_product_id": "902640",
                            }
                        ],
                    },
                    "predictions": {
                        "as_of": "2018-01-01T04:01:20Z",
                        "age_days": 0.0,
                        **_EXPECTED_EXAMPLE,
                        "spend_percentile": 71.3,
                    },
                    **PROVENANCE_EXAMPLE,
                }
            ]
        },
    )

    customer_id: str
    personalized: Literal[True] = True
    told: ToldFacts
    attributes: FactsBlock
    behaviour: FactsBlock
    needs: NeedsBlock
    predictions: PredictionsBlock


class ShopChurn(BaseModel):
    """The base rate of a horizon."""

    horizon_days: int
    churn_probability: Probability = Field(description="Mean of all customers when the model was made.")


class PopularProduct(BaseModel):
    """What many buy."""

    product_id: str
    name: str


class ShopWide(BaseModel):
    """Figures of the shop as a whole, the same for everybody."""

    churn: list[ShopChurn] = Field(description="Empty, and degraded, without the model.")
    median_days_between_orders: float | None = Field(description="Of customers who came back; null without the model.")
    popular_products: list[PopularProduct] = Field(description="Best sellers that are in stock.")


class NonPersonalScores(Provenance):
    """The answer where nothing personal may be or was to be used: nothing of the customer was read."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "customer_id": "1",
                    "personalized": False,
                    **dict.fromkeys(("stage", "layer")),
                    "churn": [],
                    "reasons": [],
                    "shop_wide": _SHOP_WIDE_EXAMPLE,
                    **PROVENANCE_EXAMPLE,
                }
            ]
        },
    )

    customer_id: str = Field(description="As asked.")
    personalized: Literal[False] = False
    stage: None = None
    layer: None = None
    churn: list[ChurnAtHorizon] = Field(default=[], max_length=0, description="Empty.")
    reasons: list[ReasonView] = Field(default=[], max_length=0, description="Empty.")
    shop_wide: ShopWide


class NonPersonalPortrait(Provenance):
    """The answer in the place of a portrait where nothing personal may be or was to be used: nothing of the customer was read."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "customer_id": "1",
                    "personalized": False,
                    **dict.fromkeys(("told", "attributes", "behaviour", "needs", "predictions")),
                    "shop_wide": _SHOP_WIDE_EXAMPLE,
                    **PROVENANCE_EXAMPLE,
                }
            ]
        },
    )

    customer_id: str = Field(description="As asked.")
    personalized: Literal[False] = False
    told: None = None
    attributes: None = None
    behaviour: None = None
    needs: None = None
    predictions: None = None
    shop_wide: ShopWide
