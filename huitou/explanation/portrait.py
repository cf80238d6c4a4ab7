"""Who the customer is: what they bought and spent, what they told the shop, what they buy most, what they bought last."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby

from rich.console import RenderableType
from rich.text import Text

from huitou.explanation.explanation import Explanation, Facts
from huitou.explanation.layout import heading, indented, pairs, section, table
from huitou.explanation.words import UNKNOWN, Words, date, number, percent

_SHOWN = 8  # products named of one day; two lines of an 80-cell terminal
_COUNTED = ("age_from", "income_from", "household_size", "children_count")
_YES_OR_NO = ("is_homeowner", "is_married")


def portrait(e: Explanation, words: Words) -> list[RenderableType]:
    """The section."""
    parts = [*section(words("portrait")), pairs([(name, Text(value)) for name, value in _rows(e, words)])]
    if e.portrait.favourites:
        parts += [heading(words("favourites")), indented(_favourites(e, words))]
    if e.portrait.bought_lately:
        parts += [heading(words("bought_lately")), indented(_bought_lately(e, words))]
    return parts


def _rows(e: Explanation, words: Words) -> list[tuple[str, str]]:
    facts, currency = e.portrait.behaviour, e.foundation.currency

    def shown(name: str, digits: int = 0) -> str:
        return number(facts.get(name), digits=digits)

    def told(key: str, **fields: str) -> tuple[str, str]:
        return words(key), words(f"{key}.value", **fields)

    gap, spread = shown("gap_mean", 1), facts.get("gap_std")
    rows = [
        told("orders", orders=shown("order_count"), days=shown("order_day_count")),
        (words("last_order"), _ago(e, "days_since_last_order", words)),
        (words("first_order"), _ago(e, "days_since_first_order", words)),
        (words("gap"), gap if spread is None else f"{gap} ± {number(spread, digits=1)}"),
        told("windows", near=shown("order_days_last_28d"), far=shown("order_days_last_91d")),
        told("basket", mean=shown("amount_mean", 2), last=shown("amount_last", 2), currency=currency),
        told("spend", share=percent(e.portrait.spend_percentile / 100, digits=0)),
        *_year(e, words),
        told("margin", amount=number(float(e.portrait.expected_margin_28d), digits=2), currency=currency),
        told("discount", share=percent(facts.get("discount_share")), coupon=percent(facts.get("coupon_share"))),
        *([told("breadth", products=shown("product_count"), categories=shown("category_count"))] if facts.get("category_count") else []),
        told("contacts", contacts=shown("contact_count"), redemptions=shown("redemption_count")),
    ]
    profile = ", ".join(_profile(e.portrait.attributes, currency, words))
    return [*rows, (words("profile"), profile)] if profile else rows


def _year(e: Explanation, words: Words) -> list[tuple[str, str]]:
    """Orders, spend and whether the customer still is one; nothing without the value model."""
    p, currency = e.portrait, e.foundation.currency
    if p.predicted_orders is None or p.predicted_clv is None or p.predicted_clv_low is None or p.predicted_clv_high is None:
        return []
    low, clv, high = (number(float(amount), digits=2) for amount in (p.predicted_clv_low, p.predicted_clv, p.predicted_clv_high))
    return [
        (words("year"), words("year.value", orders=number(p.predicted_orders, digits=1), clv=clv, low=low, high=high, currency=currency)),
        (words("alive"), percent(p.probability_alive)),
    ]


def _ago(e: Explanation, feature: str, words: Words) -> str:
    days = e.portrait.behaviour.get(feature)
    return UNKNOWN if days is None else words("days_ago", date=date(e.as_of - timedelta(days=days)), days=number(days))


def _profile(facts: Facts, currency: str, words: Words) -> list[str]:
    counted = [words(name, n=number(value), currency=currency) for name in _COUNTED if (value := facts.get(name)) is not None]
    return counted + [words(f"{name}.{value:.0f}") for name in _YES_OR_NO if (value := facts.get(name)) is not None]


def _favourites(e: Explanation, words: Words) -> RenderableType:
    shown = table(words("category"), words("purchase_days"), words("last_bought"), right=(1,), wide=(0,))
    for favourite in e.portrait.favourites:
        shown.add_row(Text(favourite.category), str(favourite.purchases), date(favourite.last_bought))
    return shown


def _bought_lately(e: Explanation, words: Words) -> RenderableType:
    rows: list[tuple[str, RenderableType]] = []
    for day, bought in groupby(e.portrait.bought_lately, key=lambda product: date(product.last_bought)):
        names = [product.name for product in bought]
        more = [words("and_more", n=len(names) - _SHOWN)] if len(names) > _SHOWN else []
        rows.append((day, Text(", ".join([*names[:_SHOWN], *more]))))
    return pairs(rows)
