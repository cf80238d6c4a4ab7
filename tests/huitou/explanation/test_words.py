"""Both languages say the same things, and numbers read the same in both."""

from __future__ import annotations

import string
from pathlib import Path

import pytest

from huitou.explanation.words import WORDS, Words, date, number, percent
from huitou.language import Language
from serving.decisioning import applicability, suitability
from serving.decisioning.eligibility import RULES
from serving.offers.offer_types import OFFER_TYPES
from serving.segments import Layer, Stage


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_every_word_has_both_languages_with_the_same_fields() -> None:
    for key, (english, chinese) in WORDS.items():
        assert english, key
        assert chinese, key
        assert fields(english) == fields(chinese), key
        assert english.isascii() or {c for c in english if not c.isascii()} <= set("×−"), key
        assert any("一" <= c <= "鿿" for c in chinese) or not fields(english) ^ {"mark", "date"}, key


def test_every_name_that_serving_knows_has_a_word() -> None:
    names = {f"stage.{stage}" for stage in Stage} | {f"layer.{layer}" for layer in Layer}
    names |= {f"type.{offer_type.name}" for offer_type in OFFER_TYPES} | {
        f"dropped.{code}" for code, _ in (*RULES, *applicability.RULES, *suitability.RULES)
    }
    assert names <= set(WORDS)
    slots = {"worth_no_more_than_silence", "product_already_offered", "beyond_limit", "holdout"}
    limits = {"discount_above_cap", "budget_spent", "offer_cap_reached", "cap_reached", "cool_off", "quiet_hours"}
    assert {f"dropped.{code}" for code in slots | limits} <= set(WORDS)


def test_no_word_is_left_over() -> None:
    rooms = Path(__file__).parents[3] / "huitou" / "explanation"
    code = "".join(path.read_text(encoding="utf-8") for path in rooms.glob("*.py") if path.name != "words.py")
    code = code.replace("'", '"')
    unused = {key for key in WORDS if f'"{key}"' not in code and f'"{key.split(".")[0]}"' not in code}
    assert unused == set()


def test_a_language_is_spoken_throughout() -> None:
    english, chinese = Words(Language.EN), Words(Language.ZH)
    assert (english("portrait"), chinese("portrait")) == ("Portrait", "画像")
    assert (english.of("layer", "dormant"), chinese.of("layer", "dormant")) == ("dormant", "沉睡")
    assert (english.pick("a", "b"), chinese.pick("a", "b")) == ("a", "b")
    assert chinese("days", n=3) == "3 天"


def test_a_name_without_a_word_is_shown_as_it_is() -> None:
    assert Words(Language.ZH).of("type", "lottery") == "lottery"


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.1234, "12.3%"), (0.0, "0.0%"), (1.0, "100.0%"), (0.0004, "<0.1%"), (0.9996, ">99.9%"), (0.9994, "99.9%"), (None, "-")],
)
def test_shares_never_round_to_certainty(share: float | None, shown: str) -> None:
    assert percent(share) == shown


def test_what_is_unknown_is_a_dash() -> None:
    assert (number(None), date(None), number(3.14159, digits=2)) == ("-", "-", "3.14")
