"""The portrait section: facts as people read them; what is unknown is left out or a dash."""

from __future__ import annotations

from datetime import timedelta

from rich.console import Group

from huitou.explanation.explanation import Bought, Explanation, Facts
from huitou.explanation.portrait import portrait
from huitou.explanation.words import Words
from huitou.language import Language
from tests.huitou.explanation.conftest import Explain, Printed
from tests.serving.small_shop import AS_OF


def of(told: Explanation, **changes: object) -> Explanation:
    return told.model_copy(update={"portrait": told.portrait.model_copy(update=changes)})


def facts(told: Explanation, **values: float | None) -> Facts:
    return {**told.portrait.behaviour, **values}


def rows(text: str) -> set[str]:
    return {" ".join(line.split()) for line in text.splitlines()}


def test_facts_are_said_with_their_units(explain: Explain, printed: Printed) -> None:
    told = explain()
    values = {
        "order_count": 12.0,
        "order_day_count": 9.0,
        "days_since_last_order": 3.0,
        "gap_mean": 7.25,
        "gap_std": 2.5,
        "amount_mean": 10.0,
        "amount_last": 4.5,
        "discount_share": 0.155,
        "coupon_share": 0.02,
        "contact_count": 4.0,
        "redemption_count": 1.0,
    }
    changed = of(told, behaviour=facts(told, **values), spend_percentile=73.0)
    assert {
        "orders 12 on 9 days",
        "last order 2024-06-27 (3 days ago)",
        "days between orders 7.2 ± 2.5",
        "amount of an order 10.00 EUR on average, 4.50 the last",
        "spending rank above 73% of customers",
        "usual discount 15.5% of the list price, 2.0% by coupon",
        "messages 4 sent, 1 coupons redeemed",
    } <= rows(printed(Group(*portrait(changed, Words(Language.EN)))))


def test_what_is_unknown_is_a_dash(explain: Explain, printed: Printed) -> None:
    told = explain()
    changed = of(told, behaviour=facts(told, gap_mean=None, gap_std=None, days_since_last_order=None))
    assert {"days between orders -", "last order -"} <= rows(printed(Group(*portrait(changed, Words(Language.EN)))))


def test_the_profile_names_only_what_is_known(explain: Explain, printed: Printed) -> None:
    attributes = {"profile_known": 1.0, "age_from": 45.0, "income_from": None, "is_homeowner": 0.0, "is_married": 1.0}
    changed = of(explain(), attributes=attributes)
    assert "profile from 45 years old, renter, married" in rows(printed(Group(*portrait(changed, Words(Language.EN)))))
    assert "属性 45 岁以上, 租房, 已婚" in rows(printed(Group(*portrait(changed, Words(Language.ZH)))))
    assert not any(row.startswith("profile") for row in rows(printed(Group(*portrait(explain(), Words(Language.EN))))))


def test_a_large_basket_is_cut_and_says_so(explain: Explain, printed: Printed) -> None:
    at = AS_OF - timedelta(days=2)
    bought = [Bought(product_id=f"p{i}", name=f"item-{i:02d}", last_bought=at, orders=1) for i in range(11)]
    text = printed(Group(*portrait(of(explain(), bought_lately=bought), Words(Language.EN))), width=200)
    assert "2024-06-28  item-00, item-01" in text
    assert "item-07, and 3 more" in text
    assert "item-08" not in text
