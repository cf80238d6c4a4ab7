"""What a discount may never depend on: attributes of the person, rather than what they did as a customer.

Age, income, household, family: a price that follows them is what the law calls unreasonable differential treatment (PIPL, article 24). They
may describe groups in an audit; a condition of an offer that gives a discount may not name them, the effect of offers is learned without
them (`state.STATE`), and where it is decided what to offer, models are asked as if nothing were known of who somebody is (`unprofiled`).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from features.feature_sets import CUSTOMER

_KNOWN = "profile_known"
SENSITIVE_TAGS = ("life_stage", "child_age_band")  # kinds of tags that tell the same


@cache
def sensitive_fields() -> frozenset[str]:
    """Names of the features that are: the view `profile`, whatever it holds."""
    return frozenset(dict(CUSTOMER.views)["profile"])


def unprofiled(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Customers of whom nothing of the kind was ever told, everything else as it is: a lawful state, which models have learned from.

    Args:
        vectors: (features,) or (n, features) of `CUSTOMER`; left as they are.
    """
    made = vectors.copy()
    made[..., _places()] = np.nan
    made[..., CUSTOMER.columns.index(_KNOWN)] = 0.0
    return made


@cache
def _places() -> list[int]:
    return [CUSTOMER.columns.index(name) for name in sorted(sensitive_fields())]


def is_sensitive(field: str, value: object = None) -> bool:
    """Whether a comparison asks for such an attribute.

    Args:
        field: name in a condition.
        value: what `tags` is compared with, `kind:label`; a test whether there are any tags asks for none.
    """
    if field == "tags":
        return isinstance(value, str) and value.partition(":")[0] in SENSITIVE_TAGS
    return field in sensitive_fields()
