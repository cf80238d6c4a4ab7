"""Which models gave no number (NaN) for a customer. What would need it is left out of the answer, and the answer says so.

A self-test asks two questions; a customer whom nobody thought of may be the first on whom a model fails like this. Sums and orders over
NaN raise nothing: an offer would just not be there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from serving.customer_context import CustomerContext


def numberless(context: CustomerContext) -> tuple[str, ...]:
    """Names of the models of which that is so, of those that offers are made from, in alphabetical order.

    The effects of offers are looked at where they are asked for (`serving.decisioning.engine`); of the model of channel churn NaN says that
    somebody has left already.
    """
    models, asked = context.live.models, context.buyer is not None
    hazards = [found for found in (context.category_hazards, context.looked_hazards) if found is not None]
    found = {
        "bundles": context.likings.bundles_numberless,
        "items": context.likings.items_numberless,
        "repurchase": any(bool(np.isnan(found).any()) for found in hazards),
        "return_hazard": asked and models.return_hazard is not None and context.churn is None,
        "value": asked and models.value is not None and context.value is None,
    }
    return tuple(name for name, silent in found.items() if silent)


def told(names: Iterable[str]) -> dict[str, str]:
    """Model → one sentence for the caller."""
    return {name: f"The model {name} gave no number for this customer; what needs it is left out." for name in names}
