"""Every word that the printed explanation adds to the answers' own sentences, in English and Chinese, in one table."""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType

from huitou.language import Language

UNKNOWN = "-"

# key → English, Chinese; fields in braces are filled in by the part that prints.
WORDS: MappingProxyType[str, tuple[str, str]] = MappingProxyType(
    {
        # header
        "customer": ("Customer {id}", "顾客 {id}"),
        "as_of": ("as of {date}", "数据截至 {date}"),
        "fresh": ("{days} days old by the clock ({now})", "距当前时刻({now})已 {days} 天"),
        "up_to_date": ("up to date", "最新"),
        "degraded": ("Degraded: {reason}", "部分结果不可用:{reason}"),
        "note": ("Note: {reason}", "注意:{reason}"),
        "stage.stranger": ("stranger", "陌生客"),
        "stage.aware": ("aware", "认知客"),
        "stage.interested": ("interested", "兴趣客"),
        "stage.buyer": ("buyer", "购买客"),
        "stage.loyal": ("loyal", "忠诚客"),
        "stage.advocate": ("advocate", "推荐客"),
        "layer.high_value": ("high value", "高价值"),
        "layer.potential": ("potential", "潜力"),
        "layer.regular": ("regular", "普通"),
        "layer.dormant": ("dormant", "沉睡"),
        # portrait
        "portrait": ("Portrait", "画像"),
        "orders": ("orders", "订单"),
        "orders.value": ("{orders} on {days} days", "{orders} 单,分布于 {days} 天"),
        "first_order": ("first order", "首次下单"),
        "last_order": ("last order", "最近下单"),
        "days_ago": ("{date} ({days} days ago)", "{date}({days} 天前)"),
        "gap": ("days between orders", "下单间隔(天)"),
        "windows": ("days with an order", "下单天数"),
        "windows.value": ("{near} of the last 28, {far} of the last 91", "近 28 天 {near} 天,近 91 天 {far} 天"),
        "basket": ("amount of an order", "客单价"),
        "basket.value": ("{mean} {currency} on average, {last} the last", "平均 {mean} {currency},最近一单 {last}"),
        "spend": ("spending rank", "消费水平"),
        "spend.value": ("above {share} of customers", "高于 {share} 的顾客"),
        "year": ("in a year", "未来一年"),
        "year.value": (
            "{orders} orders and {clv} {currency} expected ({low} to {high} in 80% of cases)",
            "预计下单 {orders} 次,消费 {clv} {currency}(80% 区间 {low} 至 {high})",
        ),
        "alive": ("still a customer", "仍是顾客的概率"),
        "margin": ("margin in 28 days", "28 天预期毛利"),
        "margin.value": ("{amount} {currency} at the present rate", "按当前消费速度 {amount} {currency}"),
        "discount": ("usual discount", "平均折扣"),
        "discount.value": ("{share} of the list price, {coupon} by coupon", "原价的 {share},其中优惠券 {coupon}"),
        "breadth": ("bought so far", "累计购买"),
        "breadth.value": ("{products} products, {categories} categories", "{products} 种商品,{categories} 个品类"),
        "contacts": ("messages", "触达"),
        "contacts.value": ("{contacts} sent, {redemptions} coupons redeemed", "已发 {contacts} 次,核销优惠券 {redemptions} 张"),
        "profile": ("profile", "属性"),
        "age_from": ("from {n} years old", "{n} 岁以上"),
        "income_from": ("income from {n} thousand {currency}", "收入 {n} 千 {currency} 以上"),
        "household_size": ("household of {n}", "{n} 口之家"),
        "children_count": ("{n} children", "{n} 个孩子"),
        "is_homeowner.1": ("homeowner", "自有住房"),
        "is_homeowner.0": ("renter", "租房"),
        "is_married.1": ("married", "已婚"),
        "is_married.0": ("not married", "未婚"),
        "favourites": ("Favourite categories", "常购品类"),
        "category": ("category", "品类"),
        "purchase_days": ("days", "购买天数"),
        "last_bought": ("last bought", "最近购买"),
        "bought_lately": ("Bought lately", "最近购买的商品"),
        "and_more": ("and {n} more", "另有 {n} 件"),
        # churn
        "churn": ("Will they stay away?", "流失风险"),
        "never_ordered": (
            "Never ordered: the models of orders are learned from customers who did, and say nothing here.",
            "尚未下单:订单类模型只从下过单的顾客学习,因此没有结果。",
        ),
        "within": ("within", "期限"),
        "no_churn": ("The return hazard model gives no answer; see the note above.", "回购模型没有给出结果,见上方说明。"),
        "horizon": ("no order within", "未下单期限"),
        "days": ("{n} days", "{n} 天"),
        "probability": ("probability", "概率"),
        "riskier_than": ("riskier than", "高于顾客比例"),
        "leaves_channel": ("leaves the channel", "退出渠道的概率"),
        "tail": ("beyond the history", "超出历史"),
        "tail.yes": ("yes", "是"),
        "tail.meaning": (
            "Beyond the history: nobody in the training rows was silent for so long; half of the answer is Pareto/NBD's.",
            "超出历史:训练数据中没有如此长的沉默期,结果有一半来自 Pareto/NBD。",
        ),
        "expected": (
            "Next order expected {date} (the day the chance of one reaches 50%).",
            "预计下次下单 {date}(下单概率达到 50% 的日期)。",
        ),
        "expected.between": ("With 80% probability it comes between {low} and {high}.", "80% 的概率在 {low} 至 {high} 之间。"),
        "expected.after": ("With 90% probability it comes after {low}.", "90% 的概率在 {low} 之后。"),
        "not_expected": ("No next order is expected within half a year.", "预计半年内不会下单。"),
        "reasons": ("Why (change of the 28-day probability)", "原因(对 28 天流失概率的影响)"),
        "no_reasons": ("No single cause changes the probability noticeably.", "没有单一原因显著影响该概率。"),
        "raises": ("raises", "升高"),
        "lowers": ("lowers", "降低"),
        "points": ("{n} pp", "{n} 个百分点"),
        # survival curve
        "survival": ("Chance of no order since {date}, by day", "自 {date} 起仍未下单的概率(按天)"),
        "survival.mark": ("{mark} next order expected {date}", "{mark} 预计下次下单 {date}"),
        "survival.later": ("next order expected {date}, after the curve ends", "预计下次下单 {date},在曲线终点之后"),
        # needs
        "needs": ("What will they need next?", "接下来需要什么"),
        "no_repurchase": ("The repurchase model gives no answer; see the note above.", "复购模型没有给出结果,见上方说明。"),
        "nothing_due": ("Nothing is due within 28 days.", "28 天内没有到期的补货。"),
        "due": ("Due again", "补货到期"),
        "due_date": ("due", "到期日"),
        "within_28": ("in 28 days", "28 天内"),
        "quantity": ("qty", "数量"),
        "product": ("usual product", "常购商品"),
        "and_more_due": ("and {n} more (`--json` lists them all)", "另有 {n} 项(`--json` 列出全部)"),
        "likely": ("Not due, but possible within 28 days", "未到期,但 28 天内可能购买"),
        # offers
        "offers": ("What is worth sending?", "值得发送什么"),
        "worth": ("worth, {currency}", "价值({currency})"),
        "offer": ("offer", "优惠"),
        "type.replenishment": ("replenishment", "补货提醒"),
        "type.bundle": ("bundle", "组合"),
        "type.coupon": ("coupon", "优惠券"),
        "type.item": ("products", "商品推荐"),
        "type.new_need": ("new need", "新需求"),
        "type.back_in_stock": ("back in stock", "到货提醒"),
        "type.birthday": ("birthday", "生日"),
        "type.tier_upgrade": ("tier upgrade", "会员升级"),
        "type.usage_tip": ("usage tip", "使用建议"),
        "type.survey": ("survey", "满意度调查"),
        "type.referral_invite": ("referral", "推荐好友"),
        "type.cocreate_invite": ("co-creation", "共创邀请"),
        "type.content": ("content", "内容"),
        "type.live_invite": ("live session", "直播邀请"),
        "type.try_on_invite": ("try-on", "试穿试戴"),
        "type.store_visit": ("store visit", "到店邀请"),
        "type.adviser_talk": ("adviser talk", "顾问沟通"),
        "type.winback": ("win-back", "召回"),
        "type.no_action": ("no action", "不发送"),
        "response": ("response", "响应概率"),
        "no_consent": (
            "No channel may be used, so nothing can be sent. Name the channels the customers agreed to under [consent] in {file},"
            " then run `huitou build`.",
            "没有可用的触达渠道,因此无法发送任何内容。请在 {file} 的 [consent] 中写明顾客同意的渠道,然后运行 `huitou build`。",
        ),
        "channel_refused": (
            "The channel {channel} may not be used; allowed are {allowed}. To allow it, add it under [consent] in {file}, then run"
            " `huitou build`.",
            "渠道 {channel} 不可用;可用渠道:{allowed}。如需启用,请在 {file} 的 [consent] 中加入,然后运行 `huitou build`。",
        ),
        "channel": ("Channel {channel}.", "渠道 {channel}。"),
        "channel_open": ("Channel not decided (`--channel`); allowed are {allowed}.", "渠道未定(`--channel`);可用渠道:{allowed}。"),
        "value_basis": (
            "Worth = effect × margin − discount − cost: what sending brings; effects are a belief until this shop's decisions prove them.",
            "价值 = 效果 × 毛利 − 让利 − 成本:发送所带来的收益;效果在被本店决策证实之前为先验估计。",
        ),
        "dropped": ("Not offered", "未采用"),
        "dropped.no_number": ("its value cannot be computed", "无法计算价值"),
        "dropped.inactive": ("not in the catalogue or not sold lately", "已下架或近期无销售"),
        "dropped.out_of_stock": ("out of stock", "缺货"),
        "dropped.ended": ("ended", "已结束"),
        "dropped.not_started": ("not begun yet", "尚未开始"),
        "dropped.stage": ("for another life-cycle stage", "不适用于该生命周期阶段"),
        "dropped.layer": ("for another value layer", "不适用于该价值分层"),
        "dropped.conditions": ("its conditions do not hold", "不满足优惠条件"),
        "dropped.owned": ("has one already", "已拥有同类商品"),
        "dropped.open_complaint": ("a complaint is open", "有未关闭的投诉"),
        "dropped.discount_dependence": ("buys by discounts already", "折扣依赖"),
        "dropped.no_margin_left": ("no margin is left after the discount", "扣除折扣后无毛利"),
        "dropped.channel_not_consented": ("the channel may not be used", "渠道不可用"),
        "dropped.in_cart": ("already in the cart", "已在购物车中"),
        "dropped.just_bought": ("bought just now", "刚刚买过"),
        "dropped.worth_no_more_than_silence": ("worth no more than silence", "价值不高于不打扰"),
        "dropped.product_already_offered": ("the product is in a better offer", "商品已在更优的优惠中"),
        "dropped.holdout": ("held out, so that the effect can be measured", "对照组,用于衡量效果"),
        "dropped.discount_above_cap": ("more discount than the policy allows", "折扣超过策略上限"),
        "dropped.budget_spent": ("its budget is spent", "预算已用完"),
        "dropped.offer_cap_reached": ("sent as often as it allows", "已达该优惠的发送上限"),
        "dropped.cap_reached": ("written to as often as the policy allows", "已达联系频次上限"),
        "dropped.cool_off": ("left in peace after a negative", "负面事件后的静默期"),
        "dropped.quiet_hours": ("quiet hours", "免打扰时段"),
        "dropped.beyond_limit": ("beyond the limit of {limit} (`--limit`)", "超出数量上限 {limit}(`--limit`)"),
        # foundation
        "foundation": ("What this rests on", "依据"),
        "models": ("models", "模型"),
        "no_models": ("none", "无"),
        "policy": ("policy", "策略"),
        "assumptions": ("assumptions", "假设"),
        "assumptions.value": ("{version} in {file}: {note}", "{version},文件 {file}:{note}"),
    }
)


class Words:
    """The table in one language; dates and numbers are the same in both."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._column = list(Language).index(language)

    def __call__(self, key: str, **fields: object) -> str:
        """A word or sentence with its fields filled in.

        Raises:
            KeyError: the table has no such key, or a field is missing.
        """
        return WORDS[key][self._column].format(**fields)

    def of(self, kind: str, name: str, **fields: object) -> str:
        """The word for a name that comes from elsewhere (`stage`, `layer`, offer `type`, …); the name itself where there is none."""
        return self(f"{kind}.{name}", **fields) if f"{kind}.{name}" in WORDS else name

    def pick(self, english: str, chinese: str) -> str:
        """The one of two sentences that is in this language."""
        return chinese if self.language is Language.ZH else english


def date(moment: datetime | None) -> str:
    """ISO date, UTC."""
    return UNKNOWN if moment is None else f"{moment:%Y-%m-%d}"


def percent(share: float | None, *, digits: int = 1) -> str:
    """A share as a percentage; a chance that rounds to nothing or to certainty is said to be less, or more, than can be shown."""
    if share is None:
        return UNKNOWN
    smallest = 10.0 ** -(digits + 2)
    if 0 < share < smallest / 2:
        return f"<{smallest:.{digits}%}"
    if 1 - smallest / 2 < share < 1:
        return f">{1 - smallest:.{digits}%}"
    return f"{share:.{digits}%}"


def number(value: float | None, *, digits: int = 0) -> str:
    """A number with a fixed count of decimals."""
    return UNKNOWN if value is None else f"{value:.{digits}f}"
