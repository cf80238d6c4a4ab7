"""The policy that a shop sets: what is counted, what is explored, whom nothing is sent to, how often anybody may be written to.

It stands in `policy.toml` in the data folder, beside `assumptions.toml`; its hash is in every decision. Conflicting rules are refused
when the file is read, never discovered when a decision is made.
"""

from __future__ import annotations

import tomllib
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from features.errors import SourceUnreadable
from features.versions import content_hash

FILE = "policy.toml"


class Ranking(StrEnum):
    """By what offers are ranked."""

    EXPECTED_VALUE = "expected_value"  # what sending causes, in money
    PROPENSITY = "propensity"  # the predicted response alone: what most tools do
    HIGHEST_RISK = "highest_risk"  # one winning-back offer to everybody at risk
    BEST_SINGLE = "best_single"  # the same offer to all
    PRICE_FIRST = "price_first"  # expected value; offers with a discount go first
    CATEGORY_FIRST = "category_first"  # expected value; offers of the customer's own categories go first
    NOTHING = "nothing"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Value(_Part):
    """Which factors count; one that is switched off is neutral (1 for a weight, 0 for money)."""

    context: bool = True
    lever: bool = True
    uplift: bool = Field(default=True, description="false: the response probability stands for the uplift, for comparisons only")
    discount: bool = True
    contact_cost: bool = True
    fatigue: bool = True
    caution: float = Field(
        default=0.0, ge=0, le=5, description="standard deviations of what is believed of an effect, taken off before offers are compared"
    )
    budget_price: float = Field(default=0.0, ge=0, description="λ: what a unit of budget is worth beyond itself")


class Exploration(_Part):
    """The share of decisions by which effects are found out, and how these are drawn (`features.decisions.choosing`)."""

    share: float = Field(default=0.1, ge=0, le=1, description="of decisions drawn to find something out, instead of the best offer")
    temperature: float = Field(default=1.0, gt=0, description="of the softmax where nothing is uncertain, in the spread of the values")
    floor: float = Field(default=0.25, ge=0, le=1, description="part of the share that is shared out evenly: what every offer gets")
    draws: int = Field(default=64, ge=0, le=4096, description="draws of what is believed, by which offers are tried; 0: a softmax instead")
    seed: int = 0


class Holdouts(_Part):
    """Customers on whom the policy does not act, so that its effect can be measured."""

    universal: float = Field(default=0.05, ge=0, le=1, description="share that is sent nothing")
    model_control: float = Field(default=0.02, ge=0, le=1, description="share that gets a lawful offer at random")
    salt: str = "huitou"

    @model_validator(mode="after")
    def _within_everybody(self) -> Self:
        if self.universal + self.model_control > 1:
            raise ValueError("universal and model_control together exceed everybody")
        return self


class Cap(_Part):
    """At most so many contacts in a period.

    Attributes:
        channel, type: on which channel, of which offer type; None: of any.
        most: contacts.
        period: rolling day, week (7 days), month (30 days), or the calendar month in the customer's time zone.
    """

    channel: str | None = None
    type: str | None = None
    most: int = Field(ge=0)
    period: Literal["day", "week", "month", "calendar_month"]


class QuietHours(_Part):
    """Nothing is sent from `start` until `end`, local time of the customer; both HH:MM; equal: never quiet."""

    start: str = Field(default="21:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    end: str = Field(default="09:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")


class ContactPolicy(_Part):
    """How often and when anybody may be written to; what is shown to somebody who comes by themselves is no contact.

    Attributes:
        presets: shipped sets of caps, by name (`serving/decisioning/presets.toml`).
        caps: the shop's own.
        quiet_hours: None: at any hour.
        default_timezone: of customers who did not tell theirs.
        cool_off_days: silence after a complaint, a bad review, a refund or an unsubscription from another channel.
        fatigue: money that one more message costs for every message of the last 28 days, until it is learned from unsubscriptions.
        leaving: chance that one message makes its reader leave the channel, taken as at least so much whatever is learned; e-mail
            benchmarks of large senders lie between .001 and .003 a message.
        leaving_customers: share of those who leave a channel over a message who stop buying too, where a shop knows it.
        messages_ahead: messages that somebody who leaves the channel would still have got on it: one a week for four years.
    """

    presets: tuple[str, ...] = ()
    caps: tuple[Cap, ...] = ()
    quiet_hours: QuietHours | None = None
    default_timezone: str = "UTC"
    cool_off_days: float = Field(default=14.0, ge=0)
    fatigue: float = Field(default=0.0, ge=0)
    leaving: float = Field(default=0.003, ge=0, le=1)
    leaving_customers: float = Field(default=0.0, ge=0, le=1)
    messages_ahead: float = Field(default=208.0, ge=0, le=1000)


class Prior(_Part):
    """What is believed of an offer's effect before it is proven: τ ~ N(mean·s, (sd·s)²), s = max(4·P₀(1−P₀), least_spread).

    A quarter of the effect in log-odds; field experiments lie between .02 and .16 on that scale (docs/offer-effects.md, "The prior").
    """

    mean: float = Field(default=0.02, ge=-1, le=1, description="τ at P₀ = one half")
    sd: float = Field(default=0.02, gt=0, le=1, description="its standard deviation there")
    least_spread: float = Field(default=0.02, gt=0, le=1, description="4·P₀(1−P₀) is not taken below this")


class Fairness(_Part):
    """Price fairness: which public offer is shown may be personal, a price never."""

    most_discount: float | None = Field(default=None, ge=0, description="largest discount of one response, in currency")
    most_spread: float | None = Field(
        default=None, ge=0, description="largest ratio of mean coupon value between groups before the audit objects"
    )


class DecisionPolicy(_Part):
    """The whole file."""

    name: str = "default"
    ranking: Ranking = Ranking.EXPECTED_VALUE
    horizon_days: int = Field(default=28, ge=1, le=91, description="over which every offer's effect is counted")
    effect_days: int = Field(default=7, ge=1, le=91, description="within which responses tell what an offer changed; at most the horizon")
    single_offer: str | None = Field(default=None, description="offer id of the rankings best_single and highest_risk")
    risk_below: float = Field(default=0.5, ge=0, le=1, description="highest_risk: P(orders within the horizon) below which it is sent")
    value: Value = Value()
    exploration: Exploration = Exploration()
    holdouts: Holdouts = Holdouts()
    contact: ContactPolicy = ContactPolicy()
    prior: Prior = Prior()
    fairness: Fairness = Fairness()

    @property
    def learned_days(self) -> int:
        """Days within which effects are learned: `effect_days`, within the horizon."""
        return min(self.effect_days, self.horizon_days)

    @cached_property
    def version(self) -> str:
        """`name@hash`: changes with any value; hashed once, not in every answer."""
        return f"{self.name}@{content_hash(self.model_dump(mode='json'))[:8]}"

    def changed(self, overrides: dict[str, Any]) -> DecisionPolicy:
        """The policy with some values replaced, as an arm of an experiment does; sections are merged.

        Raises:
            ValidationError: an override names no field, or a value does not do.
        """
        return DecisionPolicy.model_validate(_merged(self.model_dump(mode="json"), overrides))


def load_policy(path: Path) -> DecisionPolicy:
    """Read and check a policy file; without the file the defaults hold.

    Raises:
        SourceUnreadable: names the file and the field.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return DecisionPolicy()
    except OSError as error:
        raise SourceUnreadable(f"{path} cannot be read: {error.strerror}.") from error
    try:
        return DecisionPolicy.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SourceUnreadable(f"{path} is not valid TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise SourceUnreadable(f"{path}, field {field}: {first['msg']}.") from error


def _merged(whole: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(whole)
    for name, value in changes.items():
        inner = merged.get(name)
        merged[name] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return merged
