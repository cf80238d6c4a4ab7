"""A shop whose decisions were logged: three offers, effects that are known, orders that follow from what was given.

The item causes orders, the coupon hardly any and costs five; the policy that decided believed in the coupon.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from features.assumptions import FILE, Assumptions, load_assumptions
from features.decisions.assignment import holdout_of
from features.decisions.choosing import choose, seed_of
from features.decisions.policy import DecisionPolicy, Exploration
from features.decisions.record import Considered, DecisionRecord, Factors, TauSource
from features.import_consent import ImportConsent
from features.ledger.decisions import Decided, record_decisions
from features.ledger.ledger import open_ledger
from features.permitted import state_import
from features.settings import FeatureSettings
from features.warehouse import Warehouse
from tests.permitted import write_warehouse
from tests.shop import ASSUMPTIONS

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
AMOUNT = 40.0
BASE, ITEM, COUPON = 0.2, 0.2, 0.02  # P(orders), and what each offer adds
LOGGING = DecisionPolicy(exploration=Exploration(share=0.6, floor=1.0, draws=0))


def considered(tau_item: float = 0.01, tau_coupon: float = 0.9) -> tuple[Considered, ...]:
    """The three offers, as the logging policy valued them."""
    shared = {"p0": BASE, "tau_source": TauSource.LEARNED, "contact_cost": 0.1, "margin": 12.0}
    factors = [Factors(), Factors(tau=tau_item, **shared), Factors(tau=tau_coupon, discount=5.0, **shared)]
    ids, even = ("no_action", "item:b", "coupon:a"), {"propensity": 1 / 3, "policy_propensity": 1 / 3}
    return tuple(Considered(offer_id=i, type=i.partition(":")[0], factors=f, **even) for i, f in zip(ids, factors, strict=True))


def record(customer: str, now: datetime, *, policy: DecisionPolicy = LOGGING, number: int = 0) -> DecisionRecord:
    """One decision, drawn as the service draws it."""
    decision_id = f"d-{customer}-{number}"
    offers, seed, held = considered(), seed_of(policy.exploration.seed, customer, decision_id), holdout_of(customer, policy.holdouts)
    state = {"p_order": BASE, "order_count": 3.0, "amount_mean": None}
    choice = choose(offers, policy, seed=seed, state=state, holdout=held)
    drawn = [
        one.model_copy(
            update={
                "propensity": float(choice.propensities[at]),
                "policy_propensity": float(choice.policy_propensities[at]),
                "slot": 1 if choice.order[0] == at else None,
            }
        )
        for at, one in enumerate(offers)
    ]
    return DecisionRecord(
        decision_id=decision_id,
        customer_id=customer,
        now=now,
        policy=policy,
        state=state,
        considered=tuple(drawn),
        explored=choice.explored,
        seed=seed,
        holdout=held,
    )


def decisions(customers: int, *, policy: DecisionPolicy = LOGGING, rounds: int = 2) -> list[DecisionRecord]:
    """Every customer is decided on every 28 days."""
    times = [START + timedelta(days=28 * number) for number in range(rounds)]
    return [record(f"c{who}", time, policy=policy, number=k) for who in range(customers) for k, time in enumerate(times)]


def orders_of(records: list[DecisionRecord], *, seed: int = 1, leaving: float = 0.0) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What the customers then ordered, and who left the channel after an item."""
    rng = np.random.default_rng(seed)
    orders, left = list[dict[str, object]](), list[dict[str, object]]()
    for number, one in enumerate(records):
        type_ = one.given[0].type
        chance = BASE + {"item": ITEM, "coupon": COUPON}.get(type_, 0.0)
        happened, when, leaves = rng.random(), one.now + timedelta(days=float(rng.uniform(0.5, 27))), rng.random()
        if happened < chance:
            off = 5.0 if type_ == "coupon" else 0.0
            money = {"amount": AMOUNT - off, "discount": off, "coupon_discount": off, "line_count": 1, "quantity": 1.0}
            orders.append({"order_id": f"o{number}", "customer_id": one.customer_id, "ordered_at": when, "store_id": None, **money})
        if type_ == "item" and leaves < leaving:
            gone = {"kind": "unsubscribed", "occurred_at": when, "subject": None, "label": None, "channel": "email", "value": None}
            left.append({"activity_id": f"a{number}", "customer_id": one.customer_id, **gone})
    orders.append({**orders[0], "order_id": "last", "customer_id": "other", "ordered_at": START + timedelta(days=200)})
    return pl.DataFrame(orders), pl.DataFrame(left, infer_schema_length=None)


def shop(settings: FeatureSettings, records: list[DecisionRecord], *, leaving: float = 0.0) -> tuple[Warehouse, Assumptions]:
    """The history on disk, and the decisions in the ledger."""
    orders, left = orders_of(records, leaving=leaving)
    tables = {"orders": orders} if left.is_empty() else {"orders": orders, "activities": left}
    warehouse = write_warehouse(settings, tables, {"source": "test"}, "decisions")
    (settings.data_dir / FILE).write_text(ASSUMPTIONS, encoding="utf-8")
    state_import(settings, sorted({one.customer_id for one in records if one.customer_id is not None}), ImportConsent.GRANTED)
    ledger = open_ledger(settings)
    with ledger.database.writing() as connection:
        told = [Decided(one.decision_id, one.customer_id, one.now, "{}", record=one.model_dump_json()) for one in records]
        record_decisions(connection, told)
    ledger.close()
    return warehouse, load_assumptions(settings.data_dir / FILE)
