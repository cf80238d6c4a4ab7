"""What contradicts itself is refused when it is read; what ships is sound and says where it comes from."""

from __future__ import annotations

from typing import Any

import pytest

from features.decisions.policy import ContactPolicy
from serving.decisioning.contact_policy import ContactRules
from serving.decisioning.contact_presets import presets
from serving.errors import ContactPolicyRefused

CHANNELS = ("email", "sms", "wecom", "wecom_moments")


def cap(most: int, period: str = "week", **more: str) -> dict[str, Any]:
    return {"most": most, "period": period, **more}


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"caps": [cap(1, channel="fax")]}, "channel fax, on which the shop sends nothing; it sends on email, sms"),
        ({"caps": [cap(1, channel="desk")]}, "channel desk"),
        ({"caps": [cap(1, type="copuon")]}, "type of offers that does not exist; there are coupon, item"),
        ({"caps": [cap(0), cap(2, channel="sms")]}, "lies within that of 0 per week on any channel of any type"),
        ({"caps": [cap(0, channel="sms"), cap(2, "day", channel="sms", type="coupon")]}, "which allows nothing"),
        ({"caps": [cap(3), cap(4)]}, "contradict each other"),
        ({"caps": [cap(3), cap(3)]}, "contradict each other"),
        ({"caps": [cap(5, "day"), cap(3)]}, "can never be reached under that of 3 per week"),
        ({"caps": [cap(7, "day"), cap(3, "calendar_month")]}, "can never be reached"),
        ({"presets": ["wecom"], "caps": [cap(10, "calendar_month", channel="wecom")]}, "and of 4 per calendar_month on wecom"),
        ({"presets": ["pigeon"]}, "there is no preset pigeon; there are wecom"),
        ({"default_timezone": "Mars/Olympus"}, "no IANA time zone"),
        ({"quiet_hours": {"start": "00:00", "end": "23:59"}}, "leave 1 minutes a day to send on email"),
        ({"presets": ["sms"], "quiet_hours": {"start": "08:30", "end": "20:45"}}, "leave 45 minutes a day to send on sms"),
    ],
)
def test_what_contradicts_itself_is_refused_by_name(policy: dict[str, Any], said: str) -> None:
    with pytest.raises(ContactPolicyRefused) as refused:
        ContactRules.compile(ContactPolicy.model_validate(policy), CHANNELS, types=("coupon", "item"))
    assert str(refused.value).startswith("policy.toml, field contact.")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "policy",
    [
        {},
        {"presets": list(presets())},
        {"presets": ["wecom"], "caps": [cap(2, "calendar_month", channel="wecom")]},  # stricter than the platform
        {"presets": ["wecom"], "caps": [cap(0, channel="wecom")]},
        {"presets": ["wecom"], "caps": [cap(5, channel="wecom")]},  # at the turn of a month
        {"caps": [cap(1, "day"), cap(3), cap(2, channel="sms"), cap(1, "month", type="coupon"), cap(3, "calendar_month")]},
        {"quiet_hours": None},
        {"quiet_hours": {"start": "08:00", "end": "08:00"}},
    ],
)
def test_what_can_be_meant_is_taken(policy: dict[str, Any]) -> None:
    assert ContactRules.compile(ContactPolicy.model_validate(policy), CHANNELS, types=("coupon", "item")).outbound == set(CHANNELS)


def test_every_preset_says_where_it_comes_from_and_stands_alone() -> None:
    for name, preset in presets().items():
        assert len(preset.source) > 40
        assert preset.caps
        ContactRules.compile(ContactPolicy(presets=(name,)), CHANNELS)
    (wecom,) = presets()["wecom"].caps
    assert (wecom.channel, wecom.type, wecom.most, wecom.period) == ("wecom", None, 4, "calendar_month")


def test_a_preset_for_a_channel_that_the_shop_does_not_have_is_refused() -> None:
    with pytest.raises(ContactPolicyRefused, match="channel wecom"):
        ContactRules.compile(ContactPolicy(presets=("wecom",)), ("email",))
