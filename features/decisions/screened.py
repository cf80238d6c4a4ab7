"""The shop's offers that were not considered, as a record keeps them: by rule, without a sentence each, since there may be hundreds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

# What each rule says of any offer that breaks it; with the offer's own figures `explain` tells it at the time.
SENTENCES: Mapping[str, tuple[str, str]] = {
    "no_number": ("Its value cannot be computed", "无法计算其价值"),
    "inactive": ("A product is not in the catalogue or was not sold lately", "有商品不在目录中或近期未售出"),
    "out_of_stock": ("A product is out of stock", "有商品缺货"),
    "ended": ("It had ended", "已结束"),
    "not_started": ("It had not started", "尚未开始"),
    "stage": ("It is for another stage of the life cycle", "不适用于该生命周期阶段"),
    "layer": ("It is for another value layer", "不适用于该价值分层"),
    "conditions": ("Its conditions do not hold", "不满足优惠条件"),
    "channel_not_consented": ("The channel may not be used", "该渠道不可使用"),
    "in_cart": ("A product is in the cart already", "有商品已在购物车中"),
    "just_bought": ("A product was just bought", "有商品刚刚购买"),
    "owned": ("The customer has one already", "顾客已拥有同类商品"),
    "open_complaint": ("A complaint is open: no promotion before it is closed", "有未关闭的投诉:处理完毕前不推送促销"),
    "discount_dependence": ("The customer buys on discount too much: no more of them", "顾客过度依赖折扣:不再给予折扣"),
    "no_margin_left": ("A response would leave nothing after the discount", "扣除折扣后每次响应无毛利"),
    "discount_above_cap": ("It gives away more than the policy allows one response", "优惠金额超过策略允许的上限"),
    "budget_spent": ("Its budget is spent", "预算已用完"),
    "offer_cap_reached": ("It was sent to the customer as often as it allows", "已达到该优惠对此顾客的发送次数上限"),
    "cool_off": ("The customer was displeased lately", "顾客近期有负面反馈"),
    "cap_reached": ("The customer got as many messages as the policy allows", "已达到策略允许的消息数量"),
    "quiet_hours": ("Quiet hours of the customer", "处于顾客的免打扰时段"),
}


def unfolded(screened: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    """Each offer as a row of `features.decisions.record.DroppedOffer`.

    Args:
        screened: `step/code` → [`type/id`, …].
    """
    for rule, offers in screened.items():
        step, _, code = rule.partition("/")
        english, chinese = SENTENCES.get(code, (code, code))
        for named in offers:
            kind, _, offer_id = named.partition("/")
            yield {"offer_id": offer_id, "type": kind, "step": step, "code": code, "sentence_en": english, "sentence_zh": chinese}
