"""Price fairness: which public offer somebody is shown may be personal, a price never. A cap on one answer, an audit of all of them.

The audit asks what discounts groups of customers were offered on average. It finds what rules cannot see: that a lawful input (how often
somebody buys) stands for an unlawful one (how old they are).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.decisions.policy import Fairness

_Z = 1.959963984540054  # 97.5 % point of the normal distribution: intervals of 95 %
_FEWEST_CUSTOMERS = 30  # in a group; below, the interval is wider than any difference one could act on
_NONE_SEEN = 3.0  # rule of three (Hanley and Lippman-Hand, JAMA 1983): nothing in n tries leaves a rate of up to 3/n at 95 %

Array = NDArray[np.float64]


def over_the_cap(discount: float, fairness: Fairness) -> tuple[str, str, str] | None:
    """Why an offer gives away more than one response may: code, sentence in English and in Chinese; None when it does not.

    Args:
        discount: money given away by one response.
        fairness: the section of the policy.
    """
    most = fairness.most_discount
    if most is None or discount <= most:
        return None
    return (
        "discount_above_cap",
        f"Gives away {discount:.2f}, more than the {most:.2f} that the policy allows one response.",
        f"优惠 {discount:.2f}，超过策略允许的单次上限 {most:.2f}。",
    )


@dataclass(frozen=True)
class Given:
    """What one decision of the policy offered.

    Attributes:
        customer_id: whose decisions count together.
        groups: attribute → the group; where it is not known the attribute is missing.
        value: the largest discount in the answer, currency; 0 when there was none.
    """

    customer_id: str
    groups: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class GroupValue:
    """Mean discount of one group.

    Attributes:
        mean, low, high: currency per decision; the interval, of 95 %, counts a customer's decisions as one draw.
    """

    attribute: str
    group: str
    customers: int
    decisions: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Spread:
    """The group offered most against the one offered least, within one attribute.

    Attributes:
        ratio: of their means; infinite when the least was offered nothing.
        at_least: what the ratio is at least, by the ends of both intervals: chance alone does not explain less.
        objects: `at_least` exceeds what the policy allows.
    """

    attribute: str
    most: GroupValue
    least: GroupValue
    ratio: float
    at_least: float
    objects: bool


@dataclass(frozen=True)
class PriceAudit:
    """The whole.

    Attributes:
        groups: every group that is large enough, by attribute and name.
        spreads: one for each attribute with two groups or more, the largest ratio first.
        too_small: groups with fewer than 30 customers, of which nothing can be said.
    """

    groups: tuple[GroupValue, ...]
    spreads: tuple[Spread, ...]
    too_small: tuple[str, ...]

    @property
    def objects(self) -> bool:
        """Whether any spread is larger than the policy allows, beyond chance."""
        return any(spread.objects for spread in self.spreads)


def audit_values(given: Iterable[Given], fairness: Fairness) -> PriceAudit:
    """Compare what groups of customers were offered.

    Args:
        given: decisions of the policy; holdouts are left out by the caller.
        fairness: the section of the policy.
    """
    sums: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(dict)
    largest = 0.0
    for one in given:
        largest = max(largest, one.value)
        for attribute, group in one.groups.items():
            theirs = sums[attribute, group].setdefault(one.customer_id, [0.0, 0.0])
            theirs[0] += one.value
            theirs[1] += 1.0
    found: list[GroupValue] = []
    small: list[str] = []
    for (attribute, group), customers in sorted(sums.items()):
        if len(customers) < _FEWEST_CUSTOMERS:
            small.append(f"{attribute} {group}")
        else:
            found.append(_group(attribute, group, np.array(list(customers.values())), largest))
    attributes = sorted({group.attribute for group in found})
    spreads = [_spread([group for group in found if group.attribute == one], fairness.most_spread) for one in attributes]
    known = sorted((spread for spread in spreads if spread is not None), key=lambda spread: (-spread.ratio, spread.attribute))
    return PriceAudit(tuple(found), tuple(known), tuple(small))


def _group(attribute: str, group: str, customers: Array, largest: float) -> GroupValue:
    """Mean of a ratio of totals over customers; its variance by linearisation (Cochran, Sampling Techniques, 1977, section 6.3)."""
    values, decisions = customers.T
    n, total = len(customers), float(decisions.sum())
    mean = float(values.sum()) / total
    residual = values - mean * decisions
    error = _Z * math.sqrt(n / (n - 1) * float(residual @ residual)) / total
    high = mean + error if mean > 0 else min(1.0, _NONE_SEEN / n) * largest
    return GroupValue(attribute, group, n, int(total), mean, max(0.0, mean - error), high)


def _spread(groups: list[GroupValue], allowed: float | None) -> Spread | None:
    if len(groups) <= 1:
        return None
    least, most = min(groups, key=lambda one: one.mean), max(groups, key=lambda one: one.mean)
    ratio = _ratio(most.mean, least.mean)
    at_least = _ratio(most.low, least.high) if most.low > least.high else 1.0
    return Spread(groups[0].attribute, most, least, ratio, at_least, allowed is not None and at_least > allowed)


def _ratio(most: float, least: float) -> float:
    return most / least if least > 0 else (math.inf if most > 0 else 1.0)
