"""Why a customer is at risk: causes, their codes and their sentences for the marketer, in Chinese and English.

A cause is a group of features that move together. Its effect is what the prediction changes by when the group takes its reference value,
so that correlated features of one story are not split into many small reasons. A sentence shows two or three of the group's numbers;
where all of them speak against the effect, the cause is not told: "at risk, since they ordered 491 times" helps nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict


class Reason(BaseModel):
    """One reason for one customer.

    Attributes:
        code: stable name for machines.
        effect: change of the churn probability against the reference; above zero raises the risk.
        sentence_en, sentence_zh: for the marketer.
    """

    model_config = ConfigDict(frozen=True)

    code: str
    effect: float
    sentence_en: str
    sentence_zh: str


@dataclass(frozen=True)
class Cause:
    """A group of features and what is said when it raises or lowers the risk.

    Attributes:
        features: replaced together by their reference values.
        raises, lowers: (code, English, Chinese); the sentences are format strings over the customer's features.
        rises_with, falls_with: features the sentences speak of: more of them means more risk, or less.
        before_second_order: (English, Chinese) instead, where the customer has no rhythm yet that a sentence could speak of.
    """

    features: tuple[str, ...]
    raises: tuple[str, str, str]
    lowers: tuple[str, str, str]
    rises_with: tuple[str, ...] = ()
    falls_with: tuple[str, ...] = ()
    before_second_order: tuple[str, str] | None = None

    def borne_out(self, own: Mapping[str, float], reference: Mapping[str, float], effect: float) -> bool:
        """Whether the numbers of the sentence allow what it says: at least one does not lie on the wrong side of its reference.

        Args:
            own: feature → value of the customer; NaN, which bears out nothing, where unknown.
            reference: feature → what it was replaced by.
            effect: of the cause on the churn probability.
        """
        shown = [*((name, 1.0) for name in self.rises_with), *((name, -1.0) for name in self.falls_with)]
        return not shown or any((own[name] - reference[name]) * sign * effect >= 0 for name, sign in shown)


_RECENT_WINDOWS = tuple(f"order_days_last_{d}d" for d in range(7, 92, 7))
_DECAYED = tuple(f"order_days_decayed_{d}d" for d in (7, 14, 28, 56, 112))

CAUSES: tuple[Cause, ...] = (
    Cause(
        ("days_since_last_order",),
        (
            "long_since_last_order",
            "{days_since_last_order:.0f} days since the last order, usually {gap_mean:.1f}",
            "距上次下单已 {days_since_last_order:.0f} 天,通常间隔 {gap_mean:.1f} 天",
        ),
        (
            "recent_order",
            "ordered {days_since_last_order:.0f} days ago, usually every {gap_mean:.1f}",
            "{days_since_last_order:.0f} 天前刚下过单,通常间隔 {gap_mean:.1f} 天",
        ),
        rises_with=("days_since_last_order",),
        before_second_order=("{days_since_last_order:.0f} days since the only order", "唯一一单距今 {days_since_last_order:.0f} 天"),
    ),
    Cause(
        (*_RECENT_WINDOWS, *_DECAYED),
        (
            "buys_seldom",
            "days with an order: {order_days_last_28d:.0f} of the last 28, {order_days_last_91d:.0f} of the last 91",
            "近 28 天下单 {order_days_last_28d:.0f} 天,近 91 天 {order_days_last_91d:.0f} 天",
        ),
        (
            "buys_often",
            "days with an order: {order_days_last_28d:.0f} of the last 28, {order_days_last_91d:.0f} of the last 91",
            "近 28 天下单 {order_days_last_28d:.0f} 天,近 91 天 {order_days_last_91d:.0f} 天",
        ),
        falls_with=("order_days_last_28d", "order_days_last_91d"),
    ),
    Cause(
        ("gap_mean", "gap_std", "gap_last", "gap_recent", "gap_max"),
        (
            "slow_or_uneven_rhythm",
            "{gap_mean:.1f} ± {gap_std:.1f} days between orders, {gap_recent:.1f} recently",
            "下单间隔 {gap_mean:.1f} ± {gap_std:.1f} 天,近期 {gap_recent:.1f} 天",
        ),
        (
            "steady_rhythm",
            "a steady rhythm: {gap_mean:.1f} ± {gap_std:.1f} days between orders",
            "节奏稳定:下单间隔 {gap_mean:.1f} ± {gap_std:.1f} 天",
        ),
        rises_with=("gap_mean", "gap_std", "gap_recent"),
    ),
    Cause(
        ("order_count", "order_day_count", "product_count", "category_count", "store_count", "new_product_share", "days_since_first_order"),
        (
            "shallow_relationship",
            "orders so far: {order_count:.0f}, days with an order: {order_day_count:.0f}",
            "累计 {order_count:.0f} 单,下单 {order_day_count:.0f} 天",
        ),
        (
            "deep_relationship",
            "orders so far: {order_count:.0f}, days with an order: {order_day_count:.0f}",
            "累计 {order_count:.0f} 单,下单 {order_day_count:.0f} 天",
        ),
        falls_with=("order_count", "order_day_count"),  # not of categories: a shop may have none
    ),
    Cause(
        ("amount_mean", "amount_last", "lines_mean", "lines_last", "amount_decayed_28d", "amount_decayed_112d", "lines_decayed_28d"),
        (
            "low_spend",
            "an average basket of {amount_mean:.2f}, the last one {amount_last:.2f}",
            "平均客单 {amount_mean:.2f},最近一单 {amount_last:.2f}",
        ),
        (
            "high_spend",
            "an average basket of {amount_mean:.2f}, the last one {amount_last:.2f}",
            "平均客单 {amount_mean:.2f},最近一单 {amount_last:.2f}",
        ),
        falls_with=("amount_mean", "amount_last"),
    ),
    Cause(
        (
            "contact_count",
            "days_since_last_contact",
            "contacts_decayed_28d",
            "contacts_decayed_112d",
            "open_campaigns",
            "redemption_count",
            "days_since_last_redemption",
            "redemptions_decayed_56d",
            "redemptions_per_contact",
            "coupon_share",
            "discount_share",
        ),
        (
            "contacts_risk",
            "mailings so far: {contact_count:.0f}, coupons redeemed: {redemption_count:.0f}",
            "累计触达 {contact_count:.0f} 次,核销优惠券 {redemption_count:.0f} 张",
        ),
        (
            "contacts_loyal",
            "mailings so far: {contact_count:.0f}, coupons redeemed: {redemption_count:.0f}",
            "累计触达 {contact_count:.0f} 次,核销优惠券 {redemption_count:.0f} 张",
        ),
        falls_with=("redemptions_per_contact",),  # unknown before the first mailing: who got none has not responded
    ),
    Cause(
        ("weekend_share", "morning_share", "evening_share"),
        ("shopping_times_risk", "customers who shop at these times return less", "在这些时段购物的顾客回购较少"),
        ("shopping_times_loyal", "customers who shop at these times return more", "在这些时段购物的顾客回购较多"),
    ),
    Cause(
        # Without `profile_known`: whether the shop knows a customer is no trait of the customer.
        ("age_from", "income_from", "household_size", "children_count", "is_homeowner", "is_married"),
        ("profile_risk", "customers with this profile return less", "该画像的顾客回购较少"),
        ("profile_loyal", "customers with this profile return more", "该画像的顾客回购较多"),
    ),
    Cause(
        (
            "product_views_decayed_7d",
            "product_views_decayed_28d",
            "days_since_last_product_view",
            "carts_decayed_28d",
            "days_since_last_cart",
            "likes_decayed_112d",
            "try_ons_decayed_112d",
            "searches_decayed_28d",
            "content_views_decayed_28d",
            "days_since_last_content_view",
            "live_attended_decayed_112d",
            "store_visits_decayed_112d",
            "days_since_last_activity",
        ),
        (
            "looks_seldom",
            "looked at little lately: products {product_views_decayed_28d:.1f}, content {content_views_decayed_28d:.1f}",
            "近期浏览较少:商品 {product_views_decayed_28d:.1f} 次,内容 {content_views_decayed_28d:.1f} 次",
        ),
        (
            "looks_often",
            "looked at a lot lately: products {product_views_decayed_28d:.1f}, content {content_views_decayed_28d:.1f}",
            "近期浏览较多:商品 {product_views_decayed_28d:.1f} 次,内容 {content_views_decayed_28d:.1f} 次",
        ),
        falls_with=("product_views_decayed_28d", "content_views_decayed_28d"),
    ),
    Cause(
        (
            "messages_opened_decayed_28d",
            "messages_opened_decayed_112d",
            "messages_clicked_decayed_112d",
            "days_since_last_message_opened",
            "mean_open_rate",
            "channel_left",
            "leaving_count",
            "days_since_last_leaving",
        ),
        (
            "messages_unanswered",
            "messages opened lately: {messages_opened_decayed_112d:.1f}; times they left the channel: {leaving_count:.0f}",
            "近期打开消息 {messages_opened_decayed_112d:.1f} 次;退订或退群 {leaving_count:.0f} 次",
        ),
        (
            "messages_answered",
            "messages opened lately: {messages_opened_decayed_112d:.1f}; times they left the channel: {leaving_count:.0f}",
            "近期打开消息 {messages_opened_decayed_112d:.1f} 次;退订或退群 {leaving_count:.0f} 次",
        ),
        rises_with=("leaving_count",),
        falls_with=("messages_opened_decayed_112d",),
    ),
    Cause(
        (
            "complaints_open",
            "days_since_last_complaint",
            "review_count",
            "mean_rating",
            "last_nps",
            "surveys_answered",
            "points_balance",
            "tier_level",
            "tag_count",
            "needs_stated_decayed_56d",
            "days_since_last_need",
        ),
        (
            "strained_relationship",
            "complaints open: {complaints_open:.0f}, reviews: {review_count:.0f}, points: {points_balance:.0f}",
            "未结投诉 {complaints_open:.0f} 件,评价 {review_count:.0f} 条,积分 {points_balance:.0f}",
        ),
        (
            "warm_relationship",
            "complaints open: {complaints_open:.0f}, reviews: {review_count:.0f}, points: {points_balance:.0f}",
            "未结投诉 {complaints_open:.0f} 件,评价 {review_count:.0f} 条,积分 {points_balance:.0f}",
        ),
        rises_with=("complaints_open",),
        falls_with=("review_count", "points_balance"),
    ),
)
