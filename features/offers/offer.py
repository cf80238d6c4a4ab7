"""An offer as a shop writes it: what may be sent, where, when, to whom. It is checked when it is written, never when it is decided on."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from features.decisions.sensitive import is_sensitive
from features.offers.conditions import ConditionJson, comparisons

NO_CONTROL_CHARACTERS = r"^[^\x00-\x1f\x7f]*$"
Text = Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=NO_CONTROL_CHARACTERS)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=NO_CONTROL_CHARACTERS)]
Money = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


class Offer(BaseModel):
    """An offer.

    Attributes:
        offer_id: the shop's own id.
        type: one of the offer types.
        title: for the customer, by language.
        message_key: names the text in the system that sends.
        product_ids: what it offers; all must be in stock. Empty: nothing in particular.
        content_id: of the content it points to.
        url: deep link.
        channels: where it may be sent; empty: wherever the shop sends.
        cost: money that one sending costs besides the message's price.
        margin: money that one response leaves before the discount; None: from the products' margins.
        discount: money taken off by one response.
        discount_share: share of the paid amount taken off by one response, instead of `discount`.
        valid_days: for how long a customer who is sent it can use it, at most until `ends_at`; None: a week.
        lever: the merchant's weight.
        starts_at, ends_at: when it may be sent; None: at any time.
        stages, layers: life-cycle stages and value layers it suits; empty: all.
        conditions: whom it suits, by what is known of the customer (`conditions`); None: everybody.
        cap: most times one customer is sent it, ever.
        budget: money for discounts and sendings in all; None: not limited.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    offer_id: Id
    type: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,32}$")]
    title: dict[Literal["zh", "en"], Text] = {}
    message_key: Id | None = None
    product_ids: Annotated[tuple[Id, ...], Field(max_length=1000)] = ()
    content_id: Id | None = None
    url: Annotated[str, StringConstraints(max_length=2048, pattern=NO_CONTROL_CHARACTERS)] | None = None
    channels: Annotated[tuple[Id, ...], Field(max_length=32)] = ()
    cost: Money = 0.0
    margin: Money | None = None
    discount: Money = 0.0
    discount_share: float = Field(default=0.0, ge=0, lt=1)
    valid_days: float | None = Field(default=None, gt=0, le=365)
    lever: float = Field(default=1.0, gt=0, le=100)
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    stages: tuple[Literal["stranger", "aware", "interested", "buyer", "loyal", "advocate"], ...] = ()
    layers: tuple[Literal["high_value", "potential", "regular", "dormant"], ...] = ()
    conditions: ConditionJson | None = None
    cap: int | None = Field(default=None, ge=1)
    budget: Money | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.starts_at is not None and self.ends_at is not None and self.ends_at < self.starts_at:
            raise ValueError("ends_at is before starts_at")
        if self.discount > 0 and self.discount_share > 0:
            raise ValueError("give discount or discount_share, not both")
        if self.margin is not None and self.margin < self.discount:
            raise ValueError("margin is below the discount: every response would lose money")
        personal = self._personal_price()
        if personal:
            raise ValueError(
                f"conditions ask for {', '.join(personal)} while the offer gives a discount: a price may not depend on who somebody is; "
                "use what they did, or take the discount away"
            )
        return self

    def _personal_price(self) -> list[str]:
        """Fields by which a discount would follow the person."""
        if self.conditions is None or not (self.discount > 0 or self.discount_share > 0):
            return []
        return sorted({asked.field for asked in comparisons(self.conditions) if is_sensitive(asked.field, asked.value)})
