"""docs/contact-policy.md: its policy is read, its examples run, its refusals are the program's own words, its presets those that ship."""

from __future__ import annotations

import doctest
import re
import tomllib
from pathlib import Path

import pytest

from features.decisions.policy import ContactPolicy, DecisionPolicy
from features.ledger.events import NEGATIVE_KINDS
from serving.decisioning.contact_policy import ContactRules
from serving.decisioning.contact_presets import presets
from serving.errors import ContactPolicyRefused

PAGE = (Path(__file__).parents[2] / "docs" / "contact-policy.md").read_text(encoding="utf-8")
CHANNELS = ("email", "sms", "wecom")
_REFUSALS = re.findall(r"^\| (`(?:caps|presets|quiet_hours|default_timezone) .*?) \| (.*) \|$", PAGE, flags=re.MULTILINE)


def test_the_policy_is_one_that_can_be_meant() -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    policy = DecisionPolicy.model_validate(tomllib.loads(block))
    assert len(ContactRules.compile(policy.contact, CHANNELS).caps) == 4


def test_the_examples_answer_what_they_show() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    found = doctest.DocTestRunner(verbose=False)
    found.run(doctest.DocTestParser().get_doctest(block, {}, "contact-policy.md", None, 0))
    assert (found.failures, found.tries > 5) == (0, True)


@pytest.mark.parametrize(("told", "answer"), _REFUSALS)
def test_what_is_refused_is_refused_in_these_words(told: str, answer: str) -> None:
    policy = ContactPolicy.model_validate(tomllib.loads("\n".join(re.findall(r"`([^`]*)`", told))))
    with pytest.raises(ContactPolicyRefused) as refused:
        ContactRules.compile(policy, CHANNELS)
    assert answer in str(refused.value)


def test_the_page_has_every_refusal_preset_and_negative() -> None:
    assert len(_REFUSALS) == 6
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.MULTILINE)) == set(presets())
    assert len(NEGATIVE_KINDS) == 6  # a complaint, a refund, a review, an unsubscription, a group left, a contact deleted
