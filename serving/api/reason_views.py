"""Reasons of offers and causes of churn, in the one form that answers show."""

from __future__ import annotations

from typing import Any

from serving.api.answer_schemas import ReasonView
from serving.offers.protocol import OfferReason
from training.artifacts.reasons import Reason


def reason_fields(reason: OfferReason) -> dict[str, Any]:
    """Fields of the `ReasonView` of an offer's reason, in the order in which it has them."""
    return {
        "code": reason.code,
        "sentence_en": reason.sentence_en,
        "sentence_zh": reason.sentence_zh,
        "customer_en": reason.customer_en,
        "customer_zh": reason.customer_zh,
        "effect": reason.effect,
    }


def cause_view(reason: Reason) -> ReasonView:
    """A cause of churn."""
    return ReasonView(code=reason.code, sentence_en=reason.sentence_en, sentence_zh=reason.sentence_zh, effect=reason.effect)
