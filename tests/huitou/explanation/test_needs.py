"""The needs section: what is due, by date, and what else is likely."""

from __future__ import annotations

from datetime import timedelta

from rich.console import Group

from huitou.explanation.explanation import ExpectedNeed, Explanation
from huitou.explanation.needs import needs
from huitou.explanation.words import Words
from huitou.language import Language
from tests.huitou.explanation.conftest import Explain, Printed
from tests.serving.small_shop import AS_OF


def due(count: int) -> list[ExpectedNeed]:
    return [
        ExpectedNeed(
            category=f"category {i}",
            due_date=AS_OF + timedelta(days=i),
            probability_28d=0.9 - i / 100,
            usual_quantity=1.5,
            product_id=f"p{i}",
            product_name=f"product {i}",
        )
        for i in range(count)
    ]


def with_due(told: Explanation, count: int) -> Explanation:
    return told.model_copy(update={"due": due(count), "likely": []})


def test_what_is_due_has_date_chance_quantity_and_product(explain: Explain, printed: Printed) -> None:
    lines = printed(Group(*needs(with_due(explain(), 2), Words(Language.EN)))).splitlines()
    assert lines[-2].split() == ["2024-06-30", "90.0%", "1.5", "category", "0", "product", "0"]
    assert lines[-1].split() == ["2024-07-01", "89.0%", "1.5", "category", "1", "product", "1"]


def test_a_long_list_is_cut_and_says_so(explain: Explain, printed: Printed) -> None:
    text = printed(Group(*needs(with_due(explain(), 13), Words(Language.EN))))
    assert "category 9" in text
    assert "category 10" not in text
    assert "and 3 more (`--json` lists them all)" in text
    assert "more" not in printed(Group(*needs(with_due(explain(), 10), Words(Language.EN))))


def test_nothing_due_is_said(explain: Explain, printed: Printed) -> None:
    assert "Nothing is due within 28 days." in printed(Group(*needs(with_due(explain(), 0), Words(Language.EN))))
    assert "28 天内没有到期的补货。" in printed(Group(*needs(with_due(explain(), 0), Words(Language.ZH))))
