"""What the models say of many customers together is what they say of each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from serving.customer_context import CustomerContext
from serving.foretold import foretell
from serving.remembered import Memory
from serving.services import Services
from tests.serving.small_shop import CUSTOMERS

SAID = ("churn", "value", "category_hazards")


def test_together_is_as_each(services: Services) -> None:
    live = replace(services.live, memory=Memory(100))
    customers = [found for one in CUSTOMERS[:30] if (found := live.memory.read(live.reader, one)) is not None]
    foretell(live, customers, 28)
    for customer in customers:
        kept = live.memory.of(customer, 28)
        assert kept is not None
        assert set(SAID) <= set(kept)
        alone = CustomerContext(live, services.now, customer)
        together = CustomerContext(live, services.now, customer, kept=kept)
        assert together.churn is kept["churn"]
        assert alone.churn is not None
        np.testing.assert_allclose(together.churn.curve, alone.churn.curve, rtol=1e-6)  # type: ignore[union-attr]
        np.testing.assert_allclose(together.churn.days_until_order, alone.churn.days_until_order, rtol=1e-6)  # type: ignore[union-attr]
        for horizon, each in alone.churn.percentile.items():
            np.testing.assert_allclose(together.churn.percentile[horizon], each, rtol=1e-6)  # type: ignore[union-attr]
        np.testing.assert_allclose(together.value.predicted_clv, alone.value.predicted_clv, rtol=1e-6)  # type: ignore[union-attr]
        np.testing.assert_allclose(together.category_hazards, alone.category_hazards, rtol=1e-6)  # type: ignore[arg-type]


def test_nobody_is_asked_about_twice_and_strangers_of_the_memory_not_at_all(services: Services) -> None:
    live = replace(services.live, memory=Memory(100))
    customer = live.memory.read(live.reader, CUSTOMERS[0])
    assert customer is not None
    foretell(live, [customer], 28)
    kept = live.memory.of(customer, 28)
    assert kept is not None
    before = kept["churn"]
    foretell(live, [customer], 28)
    assert kept["churn"] is before
    stranger = live.reader.read(CUSTOMERS[1])
    assert stranger is not None
    foretell(live, [stranger], 28)
    assert live.memory.of(stranger, 28) is None
    foretell(replace(live, memory=Memory(0)), [customer], 28)
