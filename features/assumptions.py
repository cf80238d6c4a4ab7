"""What a shop's data do not say, in one named file: margins, costs, stock, coupon values, consent.

Nothing of this kind stands in code. The file is copied into the data folder at import, may be edited there, and is named in the report
and in every answer together with its hash, so that a figure in money can be traced to the belief behind it.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from features.errors import SourceUnreadable
from features.versions import content_hash

FILE = "assumptions.toml"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Margins(_Part):
    """Share of the paid amount that remains as margin."""

    default: float = Field(ge=0, le=1)
    departments: dict[str, float] = {}


class Contacts(_Part):
    """What sending one message costs, in currency, per channel."""

    cost: dict[str, float]
    default_cost: float = Field(ge=0)


class Offers(_Part):
    """What an offer gives away."""

    coupon_value: float = Field(ge=0, description="currency taken off by one redeemed coupon")
    bundle_discount: float = Field(ge=0, lt=1, description="share taken off the bundle's list price")
    winback_discount: float = Field(ge=0, lt=1, description="share taken off the next order of a returning customer")
    winback_from_churn: float = Field(ge=0, le=1, description="churn probability within 28 days from which win-back is suitable")
    birthday_within_days: int = Field(default=7, ge=0, le=366, description="birthday offers from so many days before it")
    live_invite_days: float = Field(default=3.0, ge=0, description="live sessions are offered from so many days before they begin")
    tier_points: tuple[float, ...] = Field(default=(), description="points that tier levels 1, 2, … take; empty: not stated, no offers")
    tier_near_share: float = Field(default=0.2, ge=0, le=1, description="a tier is near when at most this share of its points is lacking")
    usage_tip_from_days: float = Field(default=3.0, ge=0, description="days after an order from which a usage tip makes sense")
    usage_tip_until_days: float = Field(default=21.0, ge=0, description="and until which it does")
    survey_from_days: float = Field(default=7.0, ge=0, description="days after an order from which it can be asked about")
    survey_until_days: float = Field(default=21.0, ge=0, description="and until which it is remembered")
    advocate_from_rating: float = Field(default=4.5, ge=0, description="mean rating from which somebody speaks well of the shop")
    # Promoters answer 9 or 10: Reichheld, "The One Number You Need to Grow", 2003.
    advocate_from_nps: float = Field(default=9.0, ge=0, le=10, description="last answer to 'would you recommend us' from which they do")
    no_discounts_from_share: float = Field(
        default=1.0, ge=0, le=1, description="share of discounts in what a customer paid so far, above which no further are offered"
    )


class Catalogue(_Part):
    """Which products may be offered."""

    excluded_categories: list[str] = []
    durable_categories: list[str] = Field(default=[], description="bought once: not offered to who has one; empty: not stated")
    inactive_after_days: int = Field(ge=1, description="a product that did not sell for so long is not offered")
    # In the Complete Journey 3 % of the repeat purchases of a product come within two days of the one before, 16 % within a week.
    just_bought_days: float = Field(default=2.0, ge=0, description="what was bought so lately is not offered again; 0 offers it at once")
    stock: str = Field(pattern="^(unlimited|required)$", description="unlimited: a product without a stock figure counts as in stock")


class Layers(_Part):
    """Bounds of the value layers: 沉睡 first, then by what a customer is worth; `serving.segments` applies them.

    A customer's own cycle is their mean days between orders, the shop's median where they have ordered on one day only. Dormant is who has
    let a cycle pass and will probably (`dormant_from_survival`) let `cycles` of them pass without an order, counted from now. The others
    are laid by `predicted_clv`: by amounts where they are given, else by percentiles (0-100) of all customers. Without the value model the
    percentiles are those of the spend of the last 112 days (decayed); without the return hazard dormant is who has been silent for
    `dormant_after_days`.
    """

    high_value_from_percentile: float = Field(ge=0, le=100)
    potential_from_percentile: float = Field(ge=0, le=100)
    high_value_from_clv: float | None = Field(default=None, ge=0, description="currency; spend expected within a year")
    potential_from_clv: float | None = Field(default=None, ge=0, description="currency; spend expected within a year")
    cycles: float = Field(default=3.0, gt=0)
    dormant_from_survival: float = Field(default=0.5, ge=0, le=1)
    dormant_after_days: int


class Stages(_Part):
    """What tells the life-cycle stages apart.

    A buyer is loyal with so many order days, and a chance of less than this to let `layers.cycles` of their own cycles pass. Somebody
    who never ordered is interested when they looked at products, searched or answered within so many days, and aware otherwise.
    """

    loyal_from_order_days: int = Field(default=6, ge=1)  # five gaps: the least from which a rhythm can be told from chance
    loyal_below_survival: float = Field(default=0.3, ge=0, le=1)
    # As far as the offers' probabilities and a message's response count: what was looked at before is another visit.
    interested_within_days: float = Field(default=28.0, ge=0)


class Consent(_Part):
    """Channels that the shop uses; whether a customer may be contacted on one, the ledger's consents say.

    On an inbound channel the customer comes by themselves (the site, the app, the shop's desk): what is shown there is no message, and asks
    for no consent to marketing.
    """

    channels: list[str]
    inbound_channels: list[str] = []


class Assumptions(_Part):
    """The whole file."""

    name: str
    note: str
    currency: str
    margins: Margins
    contacts: Contacts
    offers: Offers
    catalogue: Catalogue
    layers: Layers
    stages: Stages = Stages()
    consent: Consent

    @property
    def outbound_channels(self) -> tuple[str, ...]:
        """Channels on which the shop comes to the customer, which asks for consent to marketing."""
        return tuple(channel for channel in self.consent.channels if channel not in self.consent.inbound_channels)

    @property
    def version(self) -> str:
        """`name@hash`: changes with any value."""
        return f"{self.name}@{content_hash(self.model_dump(mode='json'))[:8]}"

    def margin_rate(self, department: str | None) -> float:
        """Margin of a department, or the default."""
        return self.margins.departments.get(department or "", self.margins.default)

    def contact_cost(self, channel: str | None) -> float:
        """Cost of one message on a channel."""
        return self.contacts.cost.get(channel or "", self.contacts.default_cost)


def load_assumptions(path: Path) -> Assumptions:
    """Read and check an assumptions file.

    Raises:
        SourceUnreadable: names the file and the field.
    """
    try:
        return Assumptions.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise SourceUnreadable(f"{path} is missing; run `huitou import` again or copy one of the shipped files there.") from error
    except tomllib.TOMLDecodeError as error:
        raise SourceUnreadable(f"{path} is not valid TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise SourceUnreadable(f"{path}, field {field}: {first['msg']}.") from error


def install_assumptions(shipped: Path, data_dir: Path) -> Path:
    """Copy a shipped file into the data folder unless one is there already; returns its path."""
    target = data_dir / FILE
    if not target.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        target.write_text(shipped.read_text(encoding="utf-8"), encoding="utf-8")
    return target
