"""The shipped sets of contact rules, and what a shop's contact policy amounts to with them; contradictions are refused."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import combinations

from pydantic import BaseModel, ConfigDict

from features.decisions.policy import Cap, ContactPolicy, QuietHours
from serving.decisioning.quiet_hours import DAY_MINUTES, Quiet, zone_of
from serving.errors import ContactPolicyRefused

_OPEN_MINUTES = 60  # a day must keep that much time to send in: less is meant as "never", and a cap of 0 says so more clearly
_AT_THE_TURN = {"calendar_month": 2}  # around its first day a calendar month's cap and the next one's lie side by side
_LENGTH = {"day": 1, "week": 7, "month": 30, "calendar_month": 31}  # days, at most


class ChannelQuiet(QuietHours):
    """Quiet hours of one channel."""

    channel: str


class Preset(BaseModel):
    """One shipped set.

    Attributes:
        source: the rule it stands for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    caps: tuple[Cap, ...] = ()
    quiet_hours: tuple[ChannelQuiet, ...] = ()


@dataclass(frozen=True)
class SourcedCap:
    """A cap, and who says so: `policy`, or a preset's name."""

    cap: Cap
    source: str

    def __str__(self) -> str:
        """As a message names it."""
        cap, named = self.cap, self.source if self.source == "policy" else f"preset {self.source}"
        return f"{cap.most} per {cap.period} on {cap.channel or 'any channel'} of {cap.type or 'any type'} ({named})"


@cache
def presets() -> dict[str, Preset]:
    """Name → preset, as shipped."""
    text = resources.files("serving.decisioning").joinpath("presets.toml").read_text(encoding="utf-8")
    return {name: Preset.model_validate(told) for name, told in tomllib.loads(text).items()}


def resolved(policy: ContactPolicy, channels: Iterable[str], types: Collection[str] | None) -> tuple[list[SourcedCap], list[Quiet]]:
    """The caps and the quiet hours of a policy and its presets.

    Args:
        policy: the section `contact` of the policy file.
        channels: outbound channels that the shop uses.
        types: offer types there are; None: not checked.

    Raises:
        ContactPolicyRefused: names what contradicts what, and the remedy.
    """
    outbound = sorted(set(channels))
    shipped = presets()
    unknown = [name for name in policy.presets if name not in shipped]
    if unknown:
        raise _refused("presets", f"there is no preset {', '.join(unknown)}; there are {', '.join(shipped)}")
    if zone_of(policy.default_timezone) is None:
        raise _refused("default_timezone", f"{policy.default_timezone!r} is no IANA time zone that this machine knows")
    caps = [SourcedCap(cap, "policy") for cap in policy.caps]
    caps += [SourcedCap(cap, name) for name in policy.presets for cap in shipped[name].caps]
    quiet = [] if policy.quiet_hours is None else [Quiet.of(policy.quiet_hours)]
    quiet += [Quiet.of(hours, channel=hours.channel, source=name) for name in policy.presets for hours in shipped[name].quiet_hours]
    for one in caps:
        _check_names(one, outbound, types)
    for channel in [hours.channel for hours in quiet if hours.channel is not None]:
        _check_channel(channel, outbound, "a preset's quiet hours")
    for first, second in combinations(caps, 2):
        _check_pair(first, second)
    _check_hours(quiet, outbound)
    return caps, [hours for hours in quiet if hours.start != hours.end]


def _check_names(one: SourcedCap, outbound: list[str], types: Collection[str] | None) -> None:
    if one.cap.channel is not None:
        _check_channel(one.cap.channel, outbound, f"the cap of {one}")
    if types is not None and one.cap.type is not None and one.cap.type not in types:
        raise _refused("caps", f"the cap of {one} is for a type of offers that does not exist; there are {', '.join(sorted(types))}")


def _check_channel(channel: str, outbound: list[str], what: str) -> None:
    if channel not in outbound:
        there = ", ".join(outbound) or "none"
        raise _refused("caps", f"{what} is for channel {channel}, on which the shop sends nothing; it sends on {there} (assumptions.toml)")


def _check_pair(first: SourcedCap, second: SourcedCap) -> None:
    """Refuse what cannot both be meant: room inside a cap of 0, two figures for one thing, a short period that allows more than a longer.

    A shop may be stricter than a preset, and a preset than the shop's own cap over everything; it may not allow what a preset forbids.
    """
    if first.source != "policy" and second.source != "policy":
        return
    for outer, inner in ((first, second), (second, first)):
        if outer.cap.most == 0 and inner.cap.most > 0 and inner.source == "policy" and _within(inner.cap, outer.cap):
            raise _refused("caps", f"the cap of {inner} lies within that of {outer}, which allows nothing; remove one of them")
    if (first.cap.channel, first.cap.type) != (second.cap.channel, second.cap.type):
        return
    short, long = sorted((first, second), key=lambda one: _LENGTH[one.cap.period])
    if short.cap.period == long.cap.period:
        own, other = (first, second) if first.source == "policy" else (second, first)
        if own.source == other.source or own.cap.most > other.cap.most:
            raise _refused("caps", f"the caps of {own} and of {other} contradict each other; remove one of them")
    elif short.cap.most > long.cap.most * _AT_THE_TURN.get(long.cap.period, 1) and short.source == "policy":
        raise _refused("caps", f"the cap of {short} can never be reached under that of {long}; lower the first or raise the second")


def _within(inner: Cap, outer: Cap) -> bool:
    return outer.channel in (None, inner.channel) and outer.type in (None, inner.type)


def _check_hours(quiet: list[Quiet], outbound: list[str]) -> None:
    for channel in outbound:
        closed = set[int]().union(*(hours.minutes() for hours in quiet if hours.channel in (None, channel)))
        if DAY_MINUTES - len(closed) < _OPEN_MINUTES:
            left = DAY_MINUTES - len(closed)
            raise _refused("quiet_hours", f"they leave {left} minutes a day to send on {channel}; to send nothing there, set a cap of 0")


def _refused(field: str, why: str) -> ContactPolicyRefused:
    return ContactPolicyRefused(f"policy.toml, field contact.{field}: {why}.")
