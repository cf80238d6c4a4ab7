"""huitou's own policy in the simulated shop: asked over its API, told over its API, trained by its own commands at night."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from huitou.simulation.api import Api, opened
from huitou.simulation.messages import SENDING_HOUR, Messages
from huitou.simulation.shop import Night, Tell, silent
from huitou.simulation.shop_files import offer_documents, product_documents
from huitou.simulation.told_offers import ToldOffers
from training.simulation.state import NOTHING, State
from training.simulation.trajectory import Known
from training.simulation.world import WEEK, Happened, World

_NO_ACTION = {"type": "no_action", "offer_id": "no_action", "items": []}
_FOLLOWED_SECONDS = 1.5  # the service looks at what was fed four times a second
_AT_ONCE = 1000  # the API's own limit of items and messages a call


@dataclass
class ServedPolicy:
    """Implements `training.simulation.trajectory.Policy`.

    Attributes:
        world: whose customers are asked about; nothing of them is read but ids and who is there.
        data_dir: of the service, with a history, a build and models.
        night: called with the next morning's clock and the live week that is over, to fold, build and train.
        http: ask a process of its own instead of this one.
        tell: told what is going on.
        decisions: by week, the decision of each customer who was asked about.
        answers: by week, type and id of what was answered first.
        chosen: how often each kind of offer was answered first, by week.
        degraded: part → answers that said so.
        risk: customer → chance of no order within 28 days, as last answered.
        refused: offers of the world that the service does not take, with its reason.
    """

    world: World
    data_dir: Path
    night: Night
    http: bool = False
    tell: Tell = silent
    decisions: list[dict[int, str]] = field(default_factory=list)
    answers: list[dict[int, tuple[str, str]]] = field(default_factory=list)
    chosen: list[Counter[str]] = field(default_factory=list)
    degraded: Counter[str] = field(default_factory=Counter)
    refused: tuple[str, ...] = ()
    risk: dict[int, float] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def choose(self, week: int, state: State, known: Known) -> NDArray[np.int64]:  # noqa: ARG002 - the truth is not looked at
        """See `Policy`: one request for every customer who can be reached, at the hour of sending."""
        self.tell(f"week {week}: asking")
        told, messages = ToldOffers(self.world), Messages(self.world)
        actions = np.full(self.world.people.count, NOTHING)
        customers = np.flatnonzero(self.world.addressable(state)).tolist()
        channel = self.world.parameters.messages.channel
        with opened(self.data_dir, http=self.http, new_id=self._new_id) as api:
            self._feed(api, state, week)
            bodies = [{"customer_id": messages.customer(c), "channel": channel, "limit": 1} for c in customers]
            answers = api.call("POST", "/v1/next-best-offers", bodies)
        decided, first, counted = dict[int, str](), dict[int, tuple[str, str]](), Counter[str]()
        for customer, answer in zip(customers, answers, strict=True):
            self.degraded.update(part["part"] for part in answer.get("degraded_reasons", []))
            offer: dict[str, Any] = answer["offers"][0] if answer["offers"] else _NO_ACTION
            number = told.number(offer)
            actions[customer] = number
            decided[customer], first[customer] = answer["decision_id"], (offer["type"], offer["offer_id"])
            counted[offer["type"]] += 1
            if answer["churn"] is not None:
                self.risk[customer] = answer["churn"]["probability_28d"]
        self.decisions.append(decided)
        self.answers.append(first)
        self.chosen.append(counted)
        return actions

    def told(self, week: int, days: list[Happened]) -> None:
        """See `Policy`: everything of the week goes in by events and outcomes, then the night does its work."""
        self.tell(f"week {week}: telling")
        messages, decided = Messages(self.world), self.decisions[-1]
        outcomes = list(self._outcomes(days))
        with opened(self.data_dir, http=self.http, new_id=self._new_id) as api:
            said: Iterator[dict[str, Any]] = itertools.chain.from_iterable(
                itertools.chain(messages.others(happened, decided), messages.orders(happened)) for happened in days
            )
            _send(api, "POST", "/v1/events", "batch", said)
            _send(api, "POST", "/v1/outcomes", "items", outcomes)
        self.night(messages.moment(days[-1].day + 1, SENDING_HOUR), week)

    def _new_id(self) -> str:
        """Names the next decision: by the world's seed and its place, so that a run repeats."""
        return f"{self.world.parameters.name}-{self.world.draws.seed}-{next(self._numbers)}"

    def answered(self) -> str:
        """How often each type of offer came first, all weeks."""
        total = sum(self.chosen, Counter[str]())
        return ", ".join(f"{kind} {count:,}" for kind, count in total.most_common())

    def _feed(self, api: Api, state: State, week: int) -> None:
        """This morning's stock and offers, and the consent of customers who are new."""
        messages = Messages(self.world)
        stocked = self.world.surroundings.stocked[state.day].tolist()
        _send(
            api,
            "PUT",
            "/v1/stock",
            "items",
            ({"product_id": messages.product(p), "quantity": 100 if there else 0} for p, there in enumerate(stocked)),
        )
        if week == 1:
            _send(api, "PUT", "/v1/products", "items", product_documents(self.world))  # some may never have been sold
        self.refused = _refused(api, offer_documents(self.world, state.day))
        last = state.day - WEEK if week > 1 else state.day  # the others' consent came with the import
        new = np.flatnonzero((self.world.people.arrives > last) & (self.world.people.arrives <= state.day)).tolist()
        said = (
            {"customer_id": messages.customer(c), "purpose": "*", "state": "granted", "stated_at": messages.moment(state.day).isoformat()}
            for c in new
        )
        _send(api, "PUT", "/v1/consents", "items", said)
        api.wait(_FOLLOWED_SECONDS)

    def _outcomes(self, days: Sequence[Happened]) -> Iterator[dict[str, Any]]:
        """What came of the week's decisions: opened, clicked, bought within the week, unsubscribed."""
        messages, decided, first = Messages(self.world), self.decisions[-1], self.answers[-1]
        sent = days[0]
        for place, (customer, _) in enumerate(sent.sent.tolist()):
            said = {"decision_id": decided[customer], "offer_id": first[customer][1]}
            at = {"occurred_at": messages.moment(sent.day, SENDING_HOUR + 0.5).isoformat()}
            for outcome, came in (("viewed", sent.opened), ("clicked", sent.clicked), ("unsubscribed", sent.left)):
                if came[place]:
                    yield said | at | {"outcome": outcome}
        spent = Counter[int]()
        for happened in days:
            for customer, paid in zip(happened.lines.customer.tolist(), happened.lines.paid.tolist(), strict=True):
                spent[customer] += paid
        at = {"occurred_at": messages.moment(days[-1].day, 22.0).isoformat()}
        for customer, paid in spent.items():
            if customer in decided:
                yield {
                    "decision_id": decided[customer],
                    "offer_id": first[customer][1],
                    "outcome": "converted",
                    "value": round(paid, 2),
                } | at


def _refused(api: Api, offers: list[dict[str, Any]]) -> tuple[str, ...]:
    """Feed offers; those that the service cannot decide on are told, and it does without them."""
    items = api.call("PUT", "/v1/offers", [{"items": offers}])[0]["items"]
    return tuple(f"{offers[item['index']]['offer_id']}: {item['field']}: {item['reason']}" for item in items)


def _send(api: Api, method: str, path: str, under: str, documents: Iterable[dict[str, Any]]) -> None:
    waiting = iter(documents)
    while part := list(itertools.islice(waiting, _AT_ONCE)):
        for answer in api.call(method, path, [{under: part}]):
            if answer.get("refused"):
                raise RuntimeError(f"{path} refused {answer['refused']}: {answer}")
