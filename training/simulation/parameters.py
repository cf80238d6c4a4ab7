"""What a world is made of: one TOML file, checked as a whole before anything is drawn from it."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from features.errors import HuitouError

WORLDS = ("ordinary", "adverse")
_FOLDER = Path(__file__).parent / "worlds"

OfferKind = Literal["replenishment", "new_need", "bundle", "coupon", "winback", "content"]


class WorldUnreadable(HuitouError):
    """The file of a world is missing, is not TOML, or says something impossible; names the file and the field."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class People(_Part):
    """Who the customers are. Spreads are standard deviations of logarithms unless said otherwise."""

    customers: int = Field(ge=1, le=1_000_000, description="customers on the first day")
    arrivals_per_day: float = Field(ge=0, description="new customers")
    dying_per_day: float = Field(ge=0, lt=1, description="median daily chance to leave the shop for good, without a sign")
    dying_spread: float = Field(ge=0)
    need_spread: float = Field(ge=0, description="of how fast somebody buys what they need, between customers")
    price_spread: float = Field(ge=0, description="of price sensitivity, median 1")
    taste: float = Field(ge=0, description="deviation of the logit of liking a product; the price pulls with the sensitivity")


class Category(_Part):
    """A category of products with a consumption cycle."""

    name: str = Field(pattern=r"^[a-z][a-z_]{0,31}$")
    cycle_days: float = Field(gt=0, description="median over customers of the days until a purchase is used up")
    cycle_spread: float = Field(ge=0)
    wanted: float = Field(ge=0, le=1, description="share of customers who use it on the first day")
    later: float = Field(ge=0, le=1, description="share of the others who begin to need it within a year")
    margin: float = Field(gt=0, lt=1, description="share of the price before discounts that is left")
    prices: tuple[float, ...] = Field(min_length=1, description="one product each")
    season: float = Field(default=0.0, ge=0, lt=1, description="relative amplitude of the yearly wave")
    season_peak_day: float = Field(default=0.0, description="day of the year of its peak")

    @model_validator(mode="after")
    def _priced(self) -> Self:
        if min(self.prices) <= 0:
            raise ValueError("prices must be above 0")
        return self


class Needs(_Part):
    """How a need becomes a purchase, here or elsewhere."""

    sharpness: float = Field(gt=0, description="how steeply the need grows around the end of the cycle")
    plateau: float = Field(gt=0, description="purchases per cycle of a need that is wholly there, median over customers")
    rivals: float = Field(ge=0, description="the same for purchases elsewhere, after which the need begins anew")
    first_purchase_days: float = Field(gt=0, description="mean days from a new need to its first purchase here")
    most_per_day: float = Field(default=0.5, gt=0, le=1, description="no chance of a day is above this")


class Companion(_Part):
    """Who orders `with` takes `also` along with this chance: an extra that does not still its own need."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    bought: str = Field(alias="with")
    also: str
    chance: float = Field(ge=0, lt=1)


class Messages(_Part):
    """What happens when a message is sent."""

    channel: str
    cost: float = Field(ge=0, description="currency, each")
    window_days: int = Field(ge=1, description="a message works, and its discount is valid, on so many days, the day of sending first")
    fading_days: float = Field(gt=0, description="its effect on the log hazard falls by exp(-1) in so many days")
    opening: float = Field(gt=0, lt=1, description="share opened by the median customer who was left alone")
    opening_spread: float = Field(ge=0, description="deviation of its logit between customers")
    clicking: float = Field(ge=0, le=1, description="share of the opened that are clicked at no effect; the effect adds to the logit")
    fatigue_days: float = Field(gt=0, description="a message is forgotten by exp(-1) in so many days")
    fatigue_response: float = Field(ge=0, description="every remembered message takes this off the log of the effect")
    fatigue_opening: float = Field(ge=0, description="and this off the logit of opening")
    fatigue_leaving: float = Field(ge=0, description="and adds this to the log chance to unsubscribe")
    leaving: float = Field(ge=0, lt=1, description="median chance that one message makes somebody unsubscribe")
    leaving_spread: float = Field(ge=0)
    leaving_irrelevant: float = Field(ge=1, description="times this when the offer is about nothing that is needed")
    leaving_unasked_per_day: float = Field(ge=0, lt=1, description="daily chance to unsubscribe without a message")


class Response(_Part):
    """Who answers to messages: `z` is a standard normal index of a person; only its tails answer."""

    persuaded_from: float = Field(description="z above it: opened messages raise the hazard, the more the further above")
    harmed_below: float = Field(description="z below it: they lower it ('sleeping dogs')")
    scale: float = Field(ge=0, description="of the distance beyond those bounds")
    hidden: float = Field(ge=0, le=1, description="share of z's variance that nothing the shop can see explains")
    opening: float = Field(description="weight of the opening rate in the visible part of z")
    dawdling: float = Field(description="weight of buying slowly what is needed")
    newness: float = Field(description="weight of being a recent customer")
    price: float = Field(description="weight of price sensitivity")
    discount: float = Field(ge=0, description="rise of the log hazard by a discount of 100 %, at sensitivity 1")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.harmed_below >= self.persuaded_from:
            raise ValueError("harmed_below must be below persuaded_from")
        if self.hidden < 1 and not any((self.opening, self.dawdling, self.newness, self.price)):
            raise ValueError("with hidden below 1, one of opening, dawdling, newness, price must not be 0")
        return self


class OfferFound(_Part):
    """One offer of the shop."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_:]{0,63}$")
    kind: OfferKind
    categories: tuple[str, ...] = Field(default=(), description="what it is about; empty: everything")
    discount: float = Field(default=0.0, ge=0, lt=1, description="share of the price, on purchases of its categories")
    lever: float = Field(ge=0, description="how strongly it speaks, times the person's responsiveness, where it is to the point")
    along: float = Field(default=0.0, ge=0, lt=1, description="bundles: added chance per responsiveness to take the second along")


class Stock(_Part):
    """Sell-outs: a product's daily chance to run out, and to come back."""

    out_per_day: float = Field(ge=0, le=1)
    back_per_day: float = Field(gt=0, le=1)


class Spells(_Part):
    """Hot and cold weeks of a person's buying, whatever the policy does: what makes purchases clumpy. 1 and 1: none."""

    hot: float = Field(default=1.0, gt=0)
    cold: float = Field(default=1.0, gt=0)
    staying: float = Field(default=0.5, ge=0, le=1, description="chance that the next week is like this one")


class Interplay(_Part):
    """How an offer's effect depends on the message before it (within 28 days). 0: not at all."""

    repeated: float = Field(default=0.0, ge=0, le=1, description="share of the effect lost by sending the same again")
    after_content: float = Field(default=0.0, ge=0, description="relative gain of any other offer after content")
    coupons: float = Field(default=0.0, ge=0, le=1, description="share of the effect of what has no discount lost after a discount")


class Regime(_Part):
    """From a live week on, the world is another; factors on what was before."""

    from_week: int = Field(ge=1, description="live weeks count from 1")
    response: float = Field(default=1.0, ge=0)
    discount: float = Field(default=1.0, ge=0)
    leaving: float = Field(default=1.0, ge=0)
    needs: float = Field(default=1.0, ge=0)


class History(_Part):
    """What the shop did before: content for everybody now and then, and coupons dealt by lot."""

    weeks: int = Field(ge=1, le=300)
    content_every_weeks: int = Field(ge=1)
    coupon_share: float = Field(ge=0, le=1, description="of those reachable, in each of the other weeks")


class WorldParameters(_Part):
    """A whole world."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")
    note: str
    currency: str = Field(min_length=3, max_length=3)
    starts_on: datetime
    horizon_days: int = Field(ge=1, le=91, description="over which an offer's effect is stated")
    people: People
    categories: tuple[Category, ...] = Field(min_length=1, max_length=50)
    needs: Needs
    companions: tuple[Companion, ...] = ()
    messages: Messages
    response: Response
    offers: tuple[OfferFound, ...] = Field(min_length=1, max_length=100)
    stock: Stock
    spells: Spells = Spells()
    interplay: Interplay = Interplay()
    regimes: tuple[Regime, ...] = ()
    history: History

    @model_validator(mode="after")
    def _whole(self) -> Self:
        names = [category.name for category in self.categories]
        _once(names, "category")
        _once([offer.id for offer in self.offers], "offer")
        said = [(f"offer {offer.id}", name) for offer in self.offers for name in offer.categories]
        said += [("a companion", name) for companion in self.companions for name in (companion.bought, companion.also)]
        for where, name in said:
            if name not in names:
                raise ValueError(f"{where} names the category {name!r}, which is not among {', '.join(names)}")
        for offer in self.offers:
            if offer.kind == "bundle" and len(offer.categories) != 2:
                raise ValueError(f"offer {offer.id} is a bundle and must name two categories")
            if offer.kind in {"replenishment", "new_need"} and len(offer.categories) != 1:
                raise ValueError(f"offer {offer.id} must name one category")
        if self.messages.window_days > self.horizon_days:
            raise ValueError("messages.window_days must not be above horizon_days")
        return self

    @property
    def start(self) -> datetime:
        """Midnight of day 0, UTC."""
        return self.starts_on.replace(tzinfo=UTC) if self.starts_on.tzinfo is None else self.starts_on.astimezone(UTC)


def _once(names: list[str], what: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{what} {', '.join(twice)} is there twice")


def load_world(name: str | Path) -> WorldParameters:
    """Read a shipped world by its name, or any other by its file.

    Raises:
        WorldUnreadable: no such world or file, not TOML, or a field that is not allowed.
    """
    path = _FOLDER / f"{name}.toml" if str(name) in WORLDS else Path(name)
    try:
        return WorldParameters.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise WorldUnreadable(f"There is no world {str(name)!r}; name one of {', '.join(WORLDS)}, or a TOML file.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WorldUnreadable(f"{path} is not valid TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the whole"
        raise WorldUnreadable(f"{path}, field {field}: {first['msg'].removeprefix('Value error, ')}.") from error
