"""What an event of each kind must say: checked when it comes in, read again when it is folded, by the same models.

Fields carry the names of Segment's e-commerce specification; what is not named here is kept as sent and not used.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints


def _text(value: object) -> object:
    # Shops number their products and orders, and JSON then sends numbers: 17 and "17" are one id. Truth values and fractions are none.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


FactId = Annotated[str, BeforeValidator(_text), StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
Short = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
Amount = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Quantity = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]
_MAX_LINES = 1000
_MOMENT = re.compile(r"^(?P<day>\d{4}-\d{2}-\d{2})[T ](?P<time>\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?) ?(?:Z|[+-]\d{2}:?\d{2})?$")


class Facts(BaseModel):
    """Base: unknown fields are kept by the ledger and not read."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Nothing(Facts):
    """The event itself is the fact."""


class Line(Facts):
    """One product of an order."""

    product_id: FactId
    quantity: Quantity = 1.0
    price: Amount = 0.0  # per piece, before this line's discount
    discount: Amount = 0.0  # off the line as a whole


class Order(Facts):
    """A completed order. Without `total` the customer paid the lines less the discounts."""

    order_id: FactId
    products: Annotated[tuple[Line, ...], Field(min_length=1, max_length=_MAX_LINES)]
    total: Amount | None = Field(default=None, validation_alias=AliasChoices("total", "revenue"))
    discount: Amount = 0.0
    coupon: Short | None = None
    store_id: FactId | None = Field(default=None, validation_alias=AliasChoices("store_id", "affiliation"))


class Refund(Facts):
    """Products given back; without `products` the whole order is."""

    order_id: FactId
    products: Annotated[tuple[Line, ...], Field(max_length=_MAX_LINES)] = ()
    total: Amount | None = None


class OfProduct(Facts):
    """Something about one product."""

    product_id: FactId
    quantity: Quantity = 1.0


class OfList(Facts):
    """Something about several products or a search."""

    list_id: FactId | None = None
    category: Short | None = None
    query: Annotated[str, StringConstraints(max_length=512)] | None = None


class OfMessage(Facts):
    """Something about a message that was sent."""

    message: FactId | None = Field(
        default=None, validation_alias=AliasChoices("contact_id", "campaign_message_id", "email_id", "message_id")
    )
    offer_id: FactId | None = Field(default=None, validation_alias=AliasChoices("offer_id", "promotion_id", "campaign_id"))
    decision_id: FactId | None = None
    channel: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,32}$")] | None = None


class Tag(Facts):
    """A mark that the customer's own answer gave: a keyword reply, a quiz answer."""

    tag: Short = Field(validation_alias=AliasChoices("tag", "keyword", "answer"))
    value: Short | None = None


class Complaint(Facts):
    """A complaint that was opened or closed."""

    complaint_id: FactId
    order_id: FactId | None = None


class Review(Facts):
    """A review, one to five."""

    product_id: FactId | None = None
    rating: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] | None = None


class Points(Facts):
    """Loyalty points: a change, and the balance after it where the shop says."""

    change: Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)] = 0.0
    balance: Amount | None = None


class Tier(Facts):
    """A membership tier; `level` orders tiers."""

    tier: Short
    level: Annotated[int, Field(ge=0, le=1000)] | None = None


class OfContent(Facts):
    """An article, a video, a live session."""

    content_id: FactId = Field(validation_alias=AliasChoices("content_id", "live_id", "id"))
    seconds: Amount | None = None


class OfStore(Facts):
    """A visit to a store."""

    store_id: FactId


class Survey(Facts):
    """An answered survey."""

    survey_id: FactId
    score: Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)] | None = None


class Nps(Facts):
    """Would you recommend us: 0 to 10."""

    score: Annotated[int, Field(ge=0, le=10)]


class Need(Facts):
    """What the customer says to need."""

    category: Short | None = None
    product_id: FactId | None = None
    within_days: Annotated[float, Field(gt=0, le=3660, allow_inf_nan=False)] | None = None


class LifeStage(Facts):
    """A life stage the customer stated; a child's age band needs a consent of its own."""

    life_stage: Short | None = None
    child_age_band: Literal["0-1", "1-3", "3-6", "6-12", "12-18"] | None = None


class Left(Facts):
    """The customer left a channel."""

    channel: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,32}$")] | None = None
    group_id: FactId | None = None


def _day_told(value: object) -> object:
    # Segment's libraries serialize a date as its midnight. Another time of day is midnight somewhere else, on a day that nobody knows.
    if not isinstance(value, str) or (found := _MOMENT.match(value)) is None:
        return value
    if found["time"].strip("0:.,"):
        raise ValueError("a time of day other than midnight leaves the day open; send the date as it is on paper, such as 1990-01-02")
    return found["day"]


class Traits(Facts):
    """What `identify` says of the customer; attributes of the profile. Of a date-time at midnight, in whatever zone, the date is taken."""

    birthday: Annotated[str, BeforeValidator(_day_told), StringConstraints(pattern=r"^(\d{4}|-)-\d{2}-\d{2}$")] | None = None
    age_band: Short | None = None
    timezone: Short | None = None
    locale: Short | None = None
