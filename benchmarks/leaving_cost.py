"""What the cost of losing a channel does to a shop's decisions: `python -m benchmarks.leaving_cost --data-dir DIR --channel email`.

Everybody is decided on, without holdouts and exploration, by the shop's policy with different costs of losing a channel and different
caution; nothing is recorded. Again and again, where the cost is told by messages chosen before, until it stands: the last time is printed.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from features.decisions.policy import DecisionPolicy
    from serving.decisioning.messages_of_late import MessagesOfLate
    from serving.services import Services

# What any message would bring stands for the messages to come until there are some (docs/adr/0024); before that everybody who leaves a
# channel was taken to stop buying, for a quarter.
BY_ANY = "messages as any would be"
_ROUNDS = 12
VARIANTS: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "default": {},
    "a quarter of a deviation of caution": {"value": {"caution": 0.25}},
    "half a deviation of caution": {"value": {"caution": 0.5}},
    BY_ANY: {},
    f"{BY_ANY}, half a deviation of caution": {"value": {"caution": 0.5}},
    "one customer in fifty besides": {"contact": {"leaving_customers": 0.02}},
    "one customer in ten besides": {"contact": {"leaving_customers": 0.1}},
    "free": {"contact": {"leaving": 0.0}},
    "the whole customer": {"contact": {"leaving_customers": 1.0, "messages_ahead": 0.0}},
}


@dataclass(frozen=True)
class Sent:
    """What one policy sends.

    Attributes:
        customers: decided on.
        silent: share to whom nothing is sent.
        cost: mean cost of losing the channel, per message that could be sent, currency.
        value: mean value believed of what is sent, less all costs.
        types: first offers by type.
    """

    customers: int
    silent: float
    cost: float
    value: float
    types: Mapping[str, int]


def decided(
    services: Services, policy: DecisionPolicy, channel: str, customer_ids: Sequence[str], *, messages: MessagesOfLate | None
) -> Sent:
    """Decide on everybody; `messages` learns of what is sent, None: nobody does."""
    from features.decisions.record import NO_ACTION
    from serving.decisioning.engine import Engine, OfferRequest
    from serving.decisioning.experiments import ExperimentBook

    live, engine = services.live.trying(ExperimentBook((), policy)), Engine(services.engine.offer_types, messages=messages)
    types: Counter[str] = Counter()
    costs, values = [], []
    for customer_id in customer_ids:
        asked = OfferRequest(customer_id, channel, limit=1, contact=frozenset({channel}))
        decision = engine.decide(live, asked, now=services.now)
        first, slate = decision.places[0], decision.slate
        types[slate.types[first]] += 1
        costs.append(float(slate.factors.fatigue.max()))
        if slate.types[first] != NO_ACTION:
            values.append(float(decision.values[first]))
            if messages is not None:
                messages.took(channel, services.now, values[-1] + float(slate.factors.fatigue[first]))
    silent = types.pop(NO_ACTION, 0) / len(customer_ids)
    return Sent(len(customer_ids), silent, float(np.mean(costs)), float(np.mean(values)) if values else 0.0, dict(types.most_common()))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line a variant."""
    from features.decisions.policy import FILE, load_policy
    from serving.decisioning.messages_of_late import MessagesOfLate
    from serving.services import build_services
    from serving.settings import ServingSettings

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--channel", default="email")
    parser.add_argument("--most", type=int, default=10_000, help="customers decided on")
    told = parser.parse_args(arguments)
    services = build_services(ServingSettings(data_dir=told.data_dir, remembered_customers=told.most))
    policy = load_policy(told.data_dir / FILE).changed(
        {"exploration": {"share": 0.0}, "holdouts": {"universal": 0.0, "model_control": 0.0}}
    )
    customers = services.live.reader.customer_ids()[: told.most]
    for name, sections in VARIANTS.items():
        changed = policy.changed({section: dict(values) for section, values in sections.items()})
        messages = None if name.startswith(BY_ANY) else MessagesOfLate()
        for _ in range(1 if messages is None else _ROUNDS):
            found = decided(services, changed, told.channel, customers, messages=messages)
        types = ", ".join(f"{kind} {count / found.customers:.1%}" for kind, count in found.types.items()) or "nothing"
        print(f"{name}: {found.silent:.1%} of {found.customers:,} silent, cost {found.cost:.4f}, worth {found.value:.4f}; {types}")
    services.ledger.close()


if __name__ == "__main__":
    main()
