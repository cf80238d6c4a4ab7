"""The value of an offer, factor by factor, in money and in words: for the marketer who asks why, in English and Chinese."""

from __future__ import annotations

from dataclasses import dataclass

from features.decisions.policy import DecisionPolicy
from features.decisions.record import NO_ACTION, Considered, Factors, TauSource

_SOURCES = {
    TauSource.NONE: ("nothing is sent", "不发送"),
    TauSource.PRIOR: ("believed until it is proven", "先验估计,尚未证实"),
    TauSource.LEARNED: ("learned from randomised decisions", "由随机化决策学得"),
}


@dataclass(frozen=True)
class Part:
    """One factor.

    Attributes:
        factor: uplift, discount, contact_cost, fatigue.
        counted: whether the policy counts it.
        amount: money it adds to the value or takes from it; 0 when it is not counted. The amounts sum to the value.
        sentence_en, sentence_zh: what it is.
    """

    factor: str
    counted: bool
    amount: float
    sentence_en: str
    sentence_zh: str


def breakdown(one: Considered, policy: DecisionPolicy) -> list[Part]:
    """The parts of an offer's value under a policy; none of silence, which is worth nothing."""
    if one.type == NO_ACTION:
        return []
    f, rules, days = one.factors, policy.value, policy.horizon_days
    weight = (f.context if rules.context else 1.0) * (f.lever if rules.lever else 1.0)
    price = 1.0 + rules.budget_price
    caused, anyway = (f.tau, f.p0 if f.p0_valid is None else f.p0_valid) if rules.uplift else (f.p0, 0.0)
    source_en, source_zh = _SOURCES[f.tau_source]
    heavy_en = "" if weight == 1.0 else f", weighed {weight:g} times"
    heavy_zh = "" if weight == 1.0 else f",权重 {weight:g} 倍"
    uplift_en = f"{f.p0:.1%} respond within {days} days anyway; sending adds {f.tau:+.2%} ± {f.tau_sd:.2%} ({source_en}), and a response"
    uplift_zh = f"{days} 天内有 {f.p0:.1%} 会自然响应;发送使其变化 {f.tau:+.2%} ± {f.tau_sd:.2%}({source_zh}),每次响应"
    if not rules.uplift:
        uplift_en, uplift_zh = f"{f.p0:.1%} respond within {days} days, and a response", f"{days} 天内有 {f.p0:.1%} 响应,每次响应"
    return [
        Part(
            "uplift",
            True,
            weight * caused * f.margin,
            f"{uplift_en} leaves {f.margin:.2f}{heavy_en}",
            f"{uplift_zh}留下毛利 {f.margin:.2f}{heavy_zh}",
        ),
        Part(
            "discount",
            rules.discount,
            -weight * (anyway + caused) * f.discount * price if rules.discount else 0.0,
            *_given_away(f),
        ),
        Part(
            "contact_cost",
            rules.contact_cost,
            -f.contact_cost * price if rules.contact_cost else 0.0,
            f"Sending costs {f.contact_cost:.4g}",
            f"发送成本 {f.contact_cost:.4g}",
        ),
        Part(
            "fatigue",
            rules.fatigue,
            -f.fatigue if rules.fatigue else 0.0,
            f"One more message costs {f.fatigue:.4g} later: customers who leave the channel",
            f"多发一条消息的后续代价 {f.fatigue:.4g}:顾客可能离开渠道",
        ),
    ]


def _given_away(f: Factors) -> tuple[str, str]:
    """Who gets the discount, in English and in Chinese."""
    if f.p0_valid is None:
        return (
            f"Every response gives away {f.discount:.2f}, also those that would have come anyway",
            f"每次响应让利 {f.discount:.2f},包括本会自然发生的",
        )
    return (
        f"Every response while it can be had gives away {f.discount:.2f}, also the {f.p0_valid:.1%} that would have come by then anyway",
        f"有效期内每次响应让利 {f.discount:.2f},包括期内本会自然发生的 {f.p0_valid:.1%}",
    )
