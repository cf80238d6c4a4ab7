"""What must never be sent, whichever offer type made it: each rule names why a candidate is dropped, in both languages."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from features.offers.customer_conditions import judge_of
from serving.condition_values import condition_values
from serving.customer_context import CustomerContext
from serving.offers import no_action
from serving.offers.protocol import Candidate


@dataclass(frozen=True)
class Dropped:
    """A candidate that is not offered.

    Attributes:
        candidate: as made.
        step: of the decision in which it fell: eligible, contact_policy, arbitrate, …
        code: stable name of the rule.
        sentence_en, sentence_zh: for the marketer.
        value: money expected of sending it rather than nothing; None of what fell before it was valued.
    """

    candidate: Candidate
    step: str
    code: str
    sentence_en: str
    sentence_zh: str
    value: float | None = None


Broken = tuple[str, str] | None  # what a rule says: the sentence in English and in Chinese


def _no_number(candidate: Candidate, _: CustomerContext) -> Broken:
    """A model that answers NaN must not decide."""
    numbers = (candidate.probability, candidate.margin, candidate.discount, candidate.cost, candidate.lever)
    return None if all(map(math.isfinite, numbers)) else ("Its value cannot be computed", "无法计算其价值")


def _inactive(candidate: Candidate, context: CustomerContext) -> Broken:
    gone = names(item.product_id for item in candidate.items if not context.live.catalogue.active(item.product_id))
    return (f"Not in the catalogue or not sold lately: {gone}", f"不在目录中或近期未售出:{gone}") if gone else None


def _out_of_stock(candidate: Candidate, context: CustomerContext) -> Broken:
    gone = names(item.product_id for item in candidate.items if not context.live.catalogue.offerable(item.product_id))
    return (f"Out of stock: {gone}", f"缺货:{gone}") if gone else None


def _ended(candidate: Candidate, context: CustomerContext) -> Broken:
    until = candidate.valid_until(context.now)
    return (f"Ended at {until.isoformat()}", f"已于 {until.isoformat()} 结束") if until < context.now else None


def _not_started(candidate: Candidate, context: CustomerContext) -> Broken:
    starts = None if candidate.offer is None else candidate.offer.starts_at
    if starts is None or starts <= context.now:
        return None
    return f"Starts at {starts.isoformat()}", f"于 {starts.isoformat()} 开始"


def _stage(candidate: Candidate, context: CustomerContext) -> Broken:
    if candidate.offer is None or not candidate.offer.stages or context.segments.stage in candidate.offer.stages:
        return None
    wanted = names(candidate.offer.stages)
    return f"Stage is {context.segments.stage}; it is for {wanted}", f"生命周期阶段为 {context.segments.stage},仅适用于 {wanted}"


def _layer(candidate: Candidate, context: CustomerContext) -> Broken:
    layer = context.segments.layer
    if candidate.offer is None or not candidate.offer.layers or layer in candidate.offer.layers:
        return None
    wanted = names(candidate.offer.layers)
    return f"Layer is {layer or 'not known'}; it is for {wanted}", f"价值分层为 {layer or '未知'},仅适用于 {wanted}"


def _conditions(candidate: Candidate, context: CustomerContext) -> Broken:
    if candidate.offer is None or candidate.offer.conditions is None:
        return None
    written = context.live.offers.by_id.get(candidate.offer.offer_id)
    suits = judge_of(candidate.offer.conditions) if written is None or written.suits is None else written.suits
    return None if suits(condition_values(context)) else ("Its conditions do not hold", "不满足优惠条件")


def _channel_not_consented(candidate: Candidate, context: CustomerContext) -> Broken:
    return channel_refused(candidate.channels, context)


def channel_refused(channels: Sequence[str], context: CustomerContext) -> Broken:
    """Why something that may go by some channels may not be sent; None when it may."""
    if context.comes_by_themselves:
        return None
    if not channels:
        return "No channel may be used", "没有可用的渠道"
    usable = context.usable(channels)
    # Without a channel nothing is sent yet: the answer names those that may be used.
    if context.channel is None or context.channel in usable:
        return None
    return (
        f"Channel {context.channel} may not be used; allowed are {', '.join(usable) or 'none'}",
        f"渠道 {context.channel} 不可使用;允许的渠道:{', '.join(usable) or '无'}",
    )


def names(products: Iterable[str]) -> str:
    """Names in one line."""
    return ", ".join(products)


Rules = Sequence[tuple[str, Callable[[Candidate, CustomerContext], Broken]]]
RULES: Rules = (
    ("no_number", _no_number),
    ("inactive", _inactive),
    ("out_of_stock", _out_of_stock),
    ("ended", _ended),
    ("not_started", _not_started),
    ("stage", _stage),
    ("layer", _layer),
    ("conditions", _conditions),
    ("channel_not_consented", _channel_not_consented),
)


def eligible(candidates: list[Candidate], context: CustomerContext) -> tuple[list[Candidate], list[Dropped]]:
    """Split candidates into those that may be sent and those that may not; doing nothing is always lawful.

    Args:
        candidates: of every offer type.
        context: the customer, the clock, the channel, the cart.
    """
    return sifted("eligible", RULES, candidates, context)


def sifted(step: str, rules: Rules, candidates: Sequence[Candidate], context: CustomerContext) -> tuple[list[Candidate], list[Dropped]]:
    """Split candidates by rules, the first broken one naming why; doing nothing breaks none."""
    kept: list[Candidate] = []
    dropped: list[Dropped] = []
    for candidate in candidates:
        broken = None if candidate.type == no_action.NAME else _first_broken(rules, candidate, context)
        if broken is None:
            kept.append(candidate)
        else:
            dropped.append(Dropped(candidate, step, *broken))
    return kept, dropped


def _first_broken(rules: Rules, candidate: Candidate, context: CustomerContext) -> tuple[str, str, str] | None:
    for code, rule in rules:
        sentences = rule(candidate, context)
        if sentences is not None:
            return code, *sentences
    return None
