"""What a condition of an offer may ask of a customer: every field, its type and, where there are few, its values.

Numbers of customers are the features that the models read, by their names in `feature_sets.CUSTOMER`; the rest is named here. A feature
looks from the moment it was computed, not from that of the decision: `days_since_last_order` grows when features are refreshed.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from enum import StrEnum

from features.feature_sets import CUSTOMER

_NEAREST = 3  # names suggested for one that does not exist
_LONGEST = 100  # characters of a name that are compared with the names there are


class FieldType(StrEnum):
    """What a field holds."""

    NUMBER = "number"
    TEXT = "text"
    TEXTS = "texts"  # a set of them


@dataclass(frozen=True)
class ConditionField:
    """One field.

    Attributes:
        name: as conditions write it.
        type: what it holds.
        description: with unit, and when it is not known.
        values: of a text, the only ones it has; empty: any.
        least, most: of a number, the bounds it never leaves; None: without.
    """

    name: str
    type: FieldType
    description: str
    values: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None


_SHARE = "share from 0 to 1"
OTHERS: tuple[ConditionField, ...] = (
    ConditionField("stage", FieldType.TEXT, "life-cycle stage", ("stranger", "aware", "interested", "buyer", "loyal", "advocate")),
    ConditionField("layer", FieldType.TEXT, "value layer; not known of strangers", ("high_value", "potential", "regular", "dormant")),
    ConditionField("channel", FieldType.TEXT, "where the answer will be sent; not known until somebody says so"),
    ConditionField("locale", FieldType.TEXT, "language as the customer told it, BCP 47, e.g. `zh-CN`"),
    ConditionField("timezone", FieldType.TEXT, "IANA name as the customer told it, e.g. `Asia/Shanghai`"),
    ConditionField("tags", FieldType.TEXTS, "what the customer said of themselves and was given, as `kind:label`, e.g. `tag:敏感肌`"),
    ConditionField("categories", FieldType.TEXTS, "product categories bought so far"),
    ConditionField("birth_month", FieldType.NUMBER, "month of birth", least=1, most=12),
    ConditionField("days_until_birthday", FieldType.NUMBER, "days to the next birthday, 0 on the day", least=0, most=366),
    ConditionField("churn_probability_28d", FieldType.NUMBER, f"predicted P(no order within 28 days), {_SHARE}", least=0, most=1),
    ConditionField("predicted_clv", FieldType.NUMBER, "predicted spend within a year, in the shop's currency", least=0),
    ConditionField("value_percentile", FieldType.NUMBER, "percentile of `predicted_clv` among all customers", least=0, most=100),
)
FIELDS: dict[str, ConditionField] = {
    **{name: ConditionField(name, FieldType.NUMBER, "feature of the customer; not known of strangers") for name in CUSTOMER.columns},
    **{field.name: field for field in OTHERS},
}


def nearest_fields(name: str) -> list[str]:
    """Names that look most like one that does not exist, the likeliest first."""
    return difflib.get_close_matches(name[:_LONGEST], FIELDS, n=_NEAREST, cutoff=0.5)
