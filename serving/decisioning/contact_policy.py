"""How often and when somebody may be written to: caps, quiet hours, silence after a negative. Compiled once, judged in microseconds.

What is shown on an inbound channel, where the customer comes by themselves, is no contact: it is neither judged nor counted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol

from features.decisions.policy import Cap, ContactPolicy
from features.decisions.record import NO_ACTION
from features.ledger.contact_history import ContactHistory
from features.ledger.contacts import Contact
from serving.decisioning.contact_presets import SourcedCap, resolved
from serving.decisioning.quiet_hours import Quiet, zone_of

STEP = "contact_policy"  # of `DroppedOffer`
ROLLING = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}
_MONTH = timedelta(days=32)  # a calendar month in any time zone
_ROUNDS = 200  # rules that put each other off; two alternate a few times at most
_NEVER = datetime.max.replace(tzinfo=UTC)
_PERIODS_ZH = {"day": "一天内", "week": "七天内", "month": "三十天内", "calendar_month": "本自然月"}
_PERIODS_EN = {
    "day": "within a day",
    "week": "within seven days",
    "month": "within thirty days",
    "calendar_month": "in this calendar month",
}
_NEGATIVES = {
    "complaint_opened": ("a complaint", "投诉"),
    "order_refunded": ("a refund", "退款"),
    "product_reviewed": ("a bad review", "差评"),
    "unsubscribed": ("an unsubscription", "退订"),
    "group_left": ("leaving a group", "退群"),
    "contact_deleted": ("deleting the contact", "删除好友"),
}


class Sendable(Protocol):
    """Of a candidate, what is looked at; `serving.offers.protocol.Candidate` is one."""

    @property
    def type(self) -> str:
        """Name of the offer type."""
        ...

    @property
    def channels(self) -> tuple[str, ...]:
        """Where it may be sent."""
        ...


@dataclass(frozen=True)
class Verdict:
    """Why something may not be sent now.

    Attributes:
        code: `cool_off`, `cap_reached` or `quiet_hours`.
        sentence_en, sentence_zh: for the marketer.
        allowed_from: the earliest moment at which no rule stands in the way, if nothing else is sent meanwhile, UTC; None: never.
    """

    code: str
    sentence_en: str
    sentence_zh: str
    allowed_from: datetime | None


@dataclass(frozen=True)
class Room:
    """Where something may be sent now.

    Attributes:
        channels: of those asked about.
        closed: the others → why.
    """

    channels: tuple[str, ...]
    closed: dict[str, Verdict]


@dataclass(frozen=True)
class _Moment:
    """What the rules are asked about: an offer of a type, on a channel, to somebody."""

    type: str
    channel: str
    history: ContactHistory
    zone: tzinfo


@dataclass(frozen=True)
class ContactRules:
    """The rules of one shop.

    Attributes:
        outbound: channels on which the shop comes to the customer.
        caps, quiet: of the policy and its presets.
        cool_off: silence after a negative.
        default_zone: of customers who did not tell theirs.
    """

    outbound: frozenset[str]
    caps: tuple[SourcedCap, ...]
    quiet: tuple[Quiet, ...]
    cool_off: timedelta
    default_zone: tzinfo

    @classmethod
    def compile(cls, policy: ContactPolicy, channels: Iterable[str], *, types: Collection[str] | None = None) -> ContactRules:
        """Make the rules; once, when the policy is read.

        Args:
            policy: the section `contact` of the policy.
            channels: outbound channels that the shop uses.
            types: offer types there are, for caps that name one; None: not checked.

        Raises:
            ContactPolicyRefused: the policy contradicts itself, a preset or the shop's channels.
        """
        outbound = frozenset(channels)
        caps, quiet = resolved(policy, outbound, types)
        zone = zone_of(policy.default_timezone) or UTC
        return cls(outbound, tuple(caps), tuple(quiet), timedelta(days=policy.cool_off_days), zone)

    @property
    def look_back(self) -> timedelta:
        """How far into a person's history the rules look."""
        return max(_MONTH, self.cool_off)

    def verdict(
        self, candidate: Sendable, channel: str | None, history: ContactHistory, now: datetime, timezone: str | None = None
    ) -> Verdict | None:
        """Why a candidate may not be sent now; None when it may.

        Args:
            candidate: what would be sent; `no_action` always may.
            channel: where; None: not decided yet, then one open channel of the candidate's is enough.
            history: of the person, `look_back` long, joined with what is on its way to the ledger.
            now: the decision's clock, UTC.
            timezone: IANA name of the customer's; None or unknown: the policy's default.
        """
        if candidate.type == NO_ACTION:
            return None
        if channel is not None:
            return self._judged(candidate.type, channel, history, now, timezone)
        room = self.room(candidate, candidate.channels, history, now, timezone)
        if room.channels or not room.closed:
            return None
        return min(room.closed.values(), key=lambda verdict: verdict.allowed_from or _NEVER)

    def room(
        self, candidate: Sendable, channels: Iterable[str], history: ContactHistory, now: datetime, timezone: str | None = None
    ) -> Room:
        """Which of some channels a candidate may be sent on now; inbound ones always stay. Arguments as `verdict`."""
        judged = {channel: self.verdict(candidate, channel, history, now, timezone) for channel in channels}
        return Room(
            tuple(channel for channel, verdict in judged.items() if verdict is None),
            {channel: verdict for channel, verdict in judged.items() if verdict is not None},
        )

    def _judged(self, kind: str, channel: str, history: ContactHistory, now: datetime, timezone: str | None) -> Verdict | None:
        if channel not in self.outbound:
            return None
        asked = _Moment(kind, channel, history, zone_of(timezone) or self.default_zone)
        broken = self._first_broken(asked, now)
        if broken is None:
            return None
        code, english, chinese = broken
        at = self._allowed_from(asked, now)
        if at is None:
            return Verdict(code, f"{english}.", f"{chinese}。", None)
        local = f"{at.astimezone(asked.zone):%Y-%m-%d %H:%M}"
        return Verdict(code, f"{english}; allowed from {local} local time.", f"{chinese}；当地时间 {local} 起可发送。", at)

    def _first_broken(self, asked: _Moment, now: datetime) -> tuple[str, str, str] | None:
        for negative in asked.history.negatives:
            if negative.at + self.cool_off > now:
                english, chinese = _NEGATIVES[negative.kind]
                days = f"{self.cool_off / timedelta(days=1):g}"
                return "cool_off", f"Nothing is sent for {days} days after {english}", f"{chinese}后 {days} 天内不发送"
        for one in self.caps:
            if _cap_over(one.cap, asked, now, self.outbound) != now:
                return "cap_reached", *_cap_sentences(one)
        for hours in self._quiet_on(asked.channel):
            if hours.covers(now.astimezone(asked.zone)):
                told = f"{hours.start:%H:%M}–{hours.end:%H:%M}"
                return "quiet_hours", f"Quiet hours, {told} of the customer's time", f"处于客户当地的免打扰时段 {told}"
        return None

    def _allowed_from(self, asked: _Moment, now: datetime) -> datetime | None:
        """The first moment that breaks no rule; each round puts it off to where the rules now broken end."""
        at = now
        for _ in range(_ROUNDS):
            put_off = [at]
            put_off += [end for negative in asked.history.negatives if (end := negative.at + self.cool_off) > at]
            put_off += [hours.over_at(at, asked.zone) for hours in self._quiet_on(asked.channel) if hours.covers(at.astimezone(asked.zone))]
            for one in self.caps:
                over = _cap_over(one.cap, asked, at, self.outbound)
                if over is None:
                    return None
                put_off.append(over)
            if max(put_off) == at:
                return at
            at = max(put_off)
        return None

    def _quiet_on(self, channel: str) -> list[Quiet]:
        return [hours for hours in self.quiet if hours.channel in (None, channel)]


def _cap_over(cap: Cap, asked: _Moment, at: datetime, outbound: frozenset[str]) -> datetime | None:
    """When a cap leaves room, from `at` on: `at` itself where it does or does not apply; None: never."""
    if cap.channel not in (None, asked.channel) or cap.type not in (None, asked.type):
        return at
    if cap.most == 0:
        return None
    counted = [contact.at for contact in asked.history.contacts if _counts(contact, cap, outbound)]
    if cap.period == "calendar_month":
        return _next_month(at, asked.zone) if _in_month(counted, at, asked.zone) >= cap.most else at
    inside = sorted(moment for moment in counted if moment > at - ROLLING[cap.period])
    return at if len(inside) < cap.most else inside[-cap.most] + ROLLING[cap.period]


def _counts(contact: Contact, cap: Cap, outbound: frozenset[str]) -> bool:
    """Whether a contact is one of those that a cap counts; one on a channel that nobody named may have been on any."""
    on = contact.channel is None or (contact.channel in outbound if cap.channel is None else contact.channel == cap.channel)
    return on and (cap.type is None or cap.type in contact.types)


def _in_month(moments: list[datetime], at: datetime, zone: tzinfo) -> int:
    here = at.astimezone(zone)
    return sum((local.year, local.month) >= (here.year, here.month) for local in (moment.astimezone(zone) for moment in moments))


def _next_month(at: datetime, zone: tzinfo) -> datetime:
    here = at.astimezone(zone)
    months = here.year * 12 + here.month  # since year 0, counted from 0: the next one's number
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=zone).astimezone(UTC)


def _cap_sentences(one: SourcedCap) -> tuple[str, str]:
    cap = one.cap
    english = "message" if cap.type is None else f"{cap.type} message"
    where_en, where_zh = (" on any channel", "所有渠道") if cap.channel is None else (f" by {cap.channel}", f"{cap.channel} ")
    by_en, by_zh = ("", "") if one.source == "policy" else (f" (preset {one.source})", f"（预设 {one.source}）")
    what_zh = "消息" if cap.type is None else f" {cap.type} 消息"
    return (
        f"At most {cap.most} {english}{'' if cap.most == 1 else 's'}{where_en} {_PERIODS_EN[cap.period]}{by_en}",
        f"{where_zh}{_PERIODS_ZH[cap.period]}最多 {cap.most} 条{what_zh}{by_zh}",
    )
