"""Caps, quiet hours, silence after a negative; and the law: no sequence of calls ever exceeds a cap."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.decisions.policy import Cap, ContactPolicy, QuietHours
from features.ledger.contact_history import ContactHistory, Negative
from features.ledger.contacts import Contact
from serving.decisioning.contact_policy import ROLLING, ContactRules, Verdict
from serving.errors import ContactPolicyRefused

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
CHANNELS = ("email", "sms", "wecom")
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Sent:
    """Something that could be sent."""

    type: str = "coupon"
    channels: tuple[str, ...] = CHANNELS


def rules(*caps: Cap, quiet: QuietHours | None = None, **more: object) -> ContactRules:
    told = {"caps": caps, "quiet_hours": quiet, "cool_off_days": 14, **more}
    return ContactRules.compile(ContactPolicy.model_validate(told), CHANNELS)


def cap(most: int, period: str, channel: str | None = None, kind: str | None = None) -> Cap:
    return Cap(channel=channel, type=kind, most=most, period=period)  # type: ignore[arg-type]


def sent(*days_ago: float, channel: str | None = "sms", kind: str | None = "coupon", now: datetime = NOON) -> tuple[Contact, ...]:
    return tuple(Contact(f"{channel}{kind}{d}", "c1", channel, kind, None, None, now - d * DAY) for d in sorted(days_ago, reverse=True))


def history(*contacts: Contact, negatives: tuple[Negative, ...] = ()) -> ContactHistory:
    return ContactHistory(frozenset({"c1"}), contacts, negatives)


def judged(
    made: ContactRules, *contacts: Contact, channel: str | None = "sms", kind: str = "coupon", now: datetime = NOON
) -> Verdict | None:
    return made.verdict(Sent(kind), channel, history(*contacts), now)


@pytest.mark.parametrize(
    ("period", "ago", "free_in"),
    [
        ("day", (0.9, 0.5), 0.1),
        ("day", (1.0, 0.5), None),  # exactly a day ago is another day
        ("week", (6, 2, 1), 5),  # two of three must have passed out of it
        ("month", (29, 1), 1),
    ],
)
def test_a_rolling_cap_says_when_there_is_room_again(period: str, ago: tuple[float, ...], free_in: float | None) -> None:
    verdict = judged(rules(cap(2, period)), *sent(*ago))
    if free_in is None:
        assert verdict is None
        return
    assert verdict is not None
    assert (verdict.code, verdict.allowed_from) == ("cap_reached", NOON + free_in * DAY)
    assert verdict.allowed_from is not None
    assert judged(rules(cap(2, period)), *sent(*ago), now=verdict.allowed_from) is None
    assert judged(rules(cap(2, period)), *sent(*ago), now=verdict.allowed_from - timedelta(microseconds=1)) is not None


def test_a_calendar_month_is_the_customer_s() -> None:
    made = rules(cap(1, "calendar_month"))
    first = datetime(2026, 3, 31, 20, tzinfo=UTC)  # April already in Shanghai
    contacts = history(*sent(0, now=first))
    later = datetime(2026, 4, 2, tzinfo=UTC)
    assert made.verdict(Sent(), "sms", contacts, later, "UTC") is None
    there = made.verdict(Sent(), "sms", contacts, later, "Asia/Shanghai")
    assert there is not None
    assert there.allowed_from == datetime(2026, 4, 30, 16, tzinfo=UTC)  # midnight of the first of May there
    december = made.verdict(Sent(), "sms", history(*sent(0, now=NOON.replace(month=12))), NOON.replace(month=12, day=20))
    assert december is not None
    assert december.allowed_from == datetime(2027, 1, 1, tzinfo=UTC)


def test_what_a_cap_counts() -> None:
    made = rules(cap(1, "day", "sms"), cap(2, "day"), cap(1, "week", kind="coupon"))
    assert judged(made, *sent(0.1, channel="email", kind="item")) is None
    assert judged(made, *sent(0.1, kind="item")) is not None  # the channel's
    assert judged(made, *sent(0.1, kind="item"), channel="email") is None
    assert judged(made, *sent(3, channel="email")) is not None  # the type's, on whichever channel
    assert judged(made, *sent(3, channel="email"), kind="item") is None
    assert judged(made, *sent(0.1, 0.2, channel="desk", kind="item")) is None  # where the customer came by themselves
    assert judged(made, *sent(0.1, channel=None, kind=None)) is not None  # a message of which nothing is known may have been an SMS
    both = Contact("d1", "c1", "email", "item", None, None, NOON, also=(("coupon", "coupon:1"),))
    assert judged(made, both) is not None  # one message that offered both


def test_a_cap_of_nothing_is_never_open_and_no_action_always() -> None:
    made = rules(cap(0, "day", "sms"))
    verdict = judged(made)
    assert verdict is not None
    assert verdict.allowed_from is None
    assert judged(made, kind="no_action") is None
    assert judged(made, channel="email") is None


def test_quiet_hours_in_the_customer_s_time() -> None:
    made = rules(quiet=QuietHours(start="21:00", end="09:00"), default_timezone="Asia/Shanghai")
    late = datetime(2026, 3, 10, 14, tzinfo=UTC)  # 22:00 in Shanghai, 14:00 in London
    assert made.verdict(Sent(), "email", history(), late, "Europe/London") is None
    for told in (None, "Mars/Olympus", "Asia/Shanghai"):
        verdict = made.verdict(Sent(), "email", history(), late, told)
        assert verdict is not None
        assert (verdict.code, verdict.allowed_from) == ("quiet_hours", datetime(2026, 3, 11, 1, tzinfo=UTC))
        assert "2026-03-11 09:00" in verdict.sentence_en
        assert "2026-03-11 09:00" in verdict.sentence_zh
    assert made.verdict(Sent(), "desk", history(), late) is None


@pytest.mark.parametrize(
    "kind", ["complaint_opened", "order_refunded", "product_reviewed", "unsubscribed", "group_left", "contact_deleted"]
)
def test_silence_after_a_negative(kind: str) -> None:
    made = rules()
    displeased = history(negatives=(Negative(kind, None, NOON - 3 * DAY),))
    verdict = made.verdict(Sent(), "email", displeased, NOON)
    assert verdict is not None
    assert (verdict.code, verdict.allowed_from) == ("cool_off", NOON + 11 * DAY)
    assert made.verdict(Sent(), "email", displeased, NOON + 11 * DAY) is None
    assert made.verdict(Sent(), "desk", displeased, NOON) is None
    assert rules(cool_off_days=0).verdict(Sent(), "email", displeased, NOON) is None
    assert rules(cool_off_days=90).look_back == 90 * DAY


def test_the_earliest_moment_breaks_no_rule_at_all() -> None:
    made = rules(cap(1, "day"), quiet=QuietHours())
    evening = datetime(2026, 3, 10, 20, tzinfo=UTC)
    verdict = made.verdict(Sent(), "sms", history(*sent(0.9, now=evening), negatives=()), evening)
    assert verdict is not None
    assert verdict.allowed_from == datetime(2026, 3, 11, 9, tzinfo=UTC)  # the cap ends at 22:24, when it is quiet


def test_without_a_channel_the_open_ones_are_left() -> None:
    made = rules(cap(1, "day", "sms"), cap(1, "week", "email"))
    contacts = history(*sent(0.5), *sent(2, channel="email"))
    room = made.room(Sent(), (*CHANNELS, "desk"), contacts, NOON)
    assert room.channels == ("wecom", "desk")
    assert set(room.closed) == {"email", "sms"}
    assert made.verdict(Sent(), None, contacts, NOON) is None
    closed = made.verdict(Sent(channels=("email", "sms")), None, contacts, NOON)
    assert closed is not None
    assert closed.allowed_from == NOON + 0.5 * DAY  # where there is room first
    assert made.verdict(Sent(channels=("email", "desk")), None, contacts, NOON) is None
    assert made.verdict(Sent(channels=()), None, contacts, NOON) is None  # what may be sent nowhere is another rule's business


_CAPS = st.lists(
    st.builds(
        cap,
        st.integers(0, 3),
        st.sampled_from([*ROLLING, "calendar_month"]),
        st.sampled_from([None, "sms", "email"]),
        st.sampled_from([None, "coupon", "item"]),
    ),
    max_size=4,
    unique_by=lambda one: (one.channel, one.type, one.period),
)
_CALLS = st.lists(
    st.tuples(
        st.floats(0, 9).map(lambda days: timedelta(days=round(days, 3))), st.sampled_from(CHANNELS), st.sampled_from(["coupon", "item"])
    ),
    max_size=40,
)


def _compiled(caps: list[Cap], zone: str) -> ContactRules | None:
    try:
        return rules(*caps, quiet=QuietHours(), default_timezone=zone)
    except ContactPolicyRefused:  # contradictions are another test's
        return None


@settings(max_examples=150)
@given(_CAPS, _CALLS, st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe"]))
def test_no_sequence_of_calls_ever_exceeds_a_cap_nor_sends_at_night(
    caps: list[Cap], calls: list[tuple[timedelta, str, str]], zone: str
) -> None:
    made = _compiled(caps, zone)
    if made is None:
        return
    now, contacts = datetime(2026, 2, 20, tzinfo=UTC), list[Contact]()
    for number, (later, channel, kind) in enumerate(calls):
        now += later
        verdict = made.verdict(Sent(kind), channel, history(*contacts), now)
        if verdict is None:
            assert 9 <= now.astimezone(ZoneInfo(zone)).hour < 21
            contacts.append(Contact(str(number), "c1", channel, kind, None, None, now))
        elif verdict.allowed_from is not None:
            assert verdict.allowed_from > now
            assert made.verdict(Sent(kind), channel, history(*contacts), verdict.allowed_from) is None
    for one in caps:
        at = [c.at for c in contacts if one.channel in (None, c.channel) and one.type in (None, c.offer_type)]
        if one.period == "calendar_month":
            months = Counter((local.year, local.month) for local in (moment.astimezone(ZoneInfo(zone)) for moment in at))
            assert max(months.values(), default=0) <= one.most
        else:
            assert all(sum(end - ROLLING[one.period] < moment <= end for moment in at) <= one.most for end in at)
