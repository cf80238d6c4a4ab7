"""The whole explanation of one customer, as one frozen object that is printed for people or dumped as JSON for machines.

Every number in it is the API's: the blocks are filled from the very functions that answer `GET /v1/customers/{id}`, its `/scores`,
`GET /v1/replenishments/due` and `POST /v1/next-best-offers`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.api.answer_schemas import DegradedPart, ReasonView
from serving.api.customer_schemas import ChurnAtHorizon, ChurnUndefined
from serving.api.fields import Money, Percentile, Probability
from serving.api.next_best_offers_schemas import DroppedView, OfferView

Facts = dict[str, float | None]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Favourite(_Frozen):
    """A category the customer buys often."""

    category: str
    purchases: int = Field(description="Days with a purchase of it, the whole history.")
    last_bought: datetime | None


class Bought(_Frozen):
    """A product of the last year, at its most recent purchase."""

    product_id: str
    name: str
    last_bought: datetime = Field(description="Rebuilt from an age in days kept as float32: true to a few seconds.")
    orders: int = Field(description="Orders of the last year that hold it.")


class Portrait(_Frozen):
    """Who the customer is."""

    stage: str
    layer: str | None = Field(description="Null for somebody who never ordered.")
    spend_percentile: Percentile
    predicted_orders: float | None = Field(description="Days with an order within 365 days; null without the model, as the next four.")
    predicted_clv: Money | None = Field(description="Spend within 365 days.")
    predicted_clv_low: Money | None
    predicted_clv_high: Money | None
    probability_alive: Probability | None
    expected_margin_28d: Money
    attributes: Facts = Field(description="What the customer told the shop; null where unknown.")
    behaviour: Facts = Field(description="Names and units are those of the feature definitions.")
    favourites: list[Favourite]
    bought_lately: list[Bought] = Field(description="Most recent first: products last bought on one of the last three days with any.")


class SurvivalPoint(_Frozen):
    """One day of the curve."""

    days: int = Field(ge=0)
    probability: Probability = Field(description="P(no order within so many days after the as-of date).")


class Churn(_Frozen):
    """How likely the customer is to stay away, and why; empty without the model, and of somebody who never ordered."""

    at_horizons: list[ChurnAtHorizon]
    undefined: ChurnUndefined | None = Field(default=None, description="Why there is none though the model is there.")
    expected_next_order_date: datetime | None = Field(description="When the curve crosses one half; null when not within half a year.")
    next_order_date_low: datetime | None = Field(description="When it crosses nine tenths: the 80 % interval begins.")
    next_order_date_high: datetime | None = Field(description="When it crosses a tenth; null when not within half a year.")
    reasons: list[ReasonView]
    horizon_days: int = Field(description="Where the curve ends.")
    survival: list[SurvivalPoint] = Field(description="A point a day, from 0 to the horizon.")


class ExpectedNeed(_Frozen):
    """A category the customer will need again."""

    category: str
    due_date: datetime | None = Field(description="When the chance of buying it again reaches one half; null when not within 28 days.")
    probability_28d: Probability
    usual_quantity: float
    product_id: str | None = Field(description="The customer's own most recent product of it that may be offered, else its best seller.")
    product_name: str | None


class Offers(_Frozen):
    """What is worth sending."""

    channel: str | None = Field(description="Where it would be sent; null when not yet decided.")
    allowed_channels: list[str] = Field(description="Channels that may be used, by the assumptions.")
    limit: int
    offers: list[OfferView]
    dropped: list[DroppedView]
    policy_version: str
    value_basis: str


class Foundation(_Frozen):
    """What every number rests on."""

    model_versions: dict[str, str]
    assumptions: str = Field(description="`name@hash`.")
    assumptions_file: str = Field(description="The file to edit; `huitou build` takes it over.")
    assumptions_note: str
    currency: str


class Explanation(_Frozen):
    """Everything that is known and expected of one customer."""

    format_version: Literal[1] = 1
    customer_id: str
    as_of: datetime = Field(description="What the features look from, UTC.")
    now: datetime = Field(description="The service's clock, UTC.")
    age_days: float = Field(description="Age of the features by that clock.")
    degraded: bool = Field(description="Whether a part is missing or old.")
    problems: list[DegradedPart] = Field(description="What is missing, old or not the newest, with the cause and the remedy.")
    portrait: Portrait
    churn: Churn
    due: list[ExpectedNeed] = Field(description="Due within 28 days, the earliest first.")
    likely: list[ExpectedNeed] = Field(description="Not due, but the likeliest within 28 days, the likeliest first.")
    offers: Offers
    foundation: Foundation
