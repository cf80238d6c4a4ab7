"""A lost channel would have carried messages as good as those that were chosen lately: the dearer those, the dearer the channel."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import tomli_w

from features.decisions.policy import ContactPolicy, DecisionPolicy, Exploration, Holdouts, Prior
from features.ledger.errors import LedgerAway
from serving.api.next_best_offers import answered
from serving.api.next_best_offers_schemas import NextBestOffersRequest
from serving.customer_context import CustomerContext
from serving.decisioning.effect_state import effect_state
from serving.decisioning.engine import Decision, OfferRequest
from serving.decisioning.experiments import ExperimentBook
from serving.decisioning.messages_of_late import LATELY, MOST, MessagesOfLate
from serving.lost_reach import lost_of
from serving.recollection import recall
from serving.services import Services, build_services
from serving.settings import ServingSettings
from tests.serving.small_shop import CUSTOMERS

CONTACT = frozenset({"email"})
NOW = datetime(2026, 3, 1, tzinfo=UTC)
SENDING = DecisionPolicy(
    prior=Prior(mean=0.2),
    contact=ContactPolicy(leaving=1e-4),
    holdouts=Holdouts(universal=0, model_control=0),
    exploration=Exploration(share=0.0),
)


def test_the_mean_is_told_from_some_messages_on_and_old_ones_are_forgotten() -> None:
    messages = MessagesOfLate()
    for number in range(29):
        messages.took("email", NOW, float(number))
    assert messages.mean("email", NOW) is None
    messages.took("email", NOW, float("nan"))  # says nothing
    assert messages.mean("email", NOW) is None
    messages.took("email", NOW, 29.0)
    assert messages.mean("email", NOW) == pytest.approx(14.5)
    for _ in range(MOST):
        messages.took("email", NOW, 2.0)
    assert messages.mean("email", NOW) == pytest.approx(2.0)
    assert messages.mean("sms", NOW) is None
    assert messages.mean(None, NOW) is None


def test_a_shop_that_fell_silent_begins_anew_after_a_while() -> None:
    messages = MessagesOfLate()
    for day in range(40):
        messages.took("email", NOW + timedelta(days=day), 8.0)
    assert messages.mean("email", NOW + LATELY + timedelta(days=9)) == pytest.approx(8.0)  # thirty are left
    assert messages.mean("email", NOW + LATELY + timedelta(days=10)) is None
    messages.took("email", NOW + LATELY + timedelta(days=10), 1.0)
    assert messages.mean("email", NOW + LATELY + timedelta(days=10)) == pytest.approx((29 * 8.0 + 1.0) / 30)


def test_what_was_sent_before_takes_the_place_of_all_and_is_never_below_nothing() -> None:
    messages = MessagesOfLate()
    messages.began_with({"email": [(NOW, 1.0)] * 30, "sms": [(NOW, -1.0)] * 40, "mail": [(NOW, 5.0)] * 3})
    assert [messages.mean(channel, NOW) for channel in ("email", "sms", "mail")] == [1.0, 0.0, None]
    messages.began_with({})
    assert messages.mean("email", NOW) is None


@pytest.fixture
def own_services(own_shop: Path) -> Iterator[Services]:
    services = build_services(ServingSettings(data_dir=own_shop))
    yield services
    services.decisions.close()
    services.ledger.close()


def decide(services: Services, customer: str, channel: str) -> Decision:
    wanted = OfferRequest(customer, channel, contact=CONTACT)
    return services.engine.decide(services.live, wanted, now=services.now, decision_id="d1")


def cost(decision: Decision) -> float:
    return float(decision.slate.factors.fatigue.max())


def test_a_channel_costs_as_much_as_the_messages_that_are_chosen(own_services: Services) -> None:
    live, contact, messages = own_services.live, own_services.live.policy.contact, own_services.engine.messages
    context = CustomerContext(live, own_services.now, live.reader.read("c003"), "email")
    own = lost_of(context, live.policy, effect_state(context), None)
    at_least = contact.leaving * contact.messages_ahead
    assert own.message is not None
    assert own.message > 0
    assert cost(decide(own_services, "c003", "email")) == pytest.approx(at_least * own.message)
    found = []
    for mean in (0.0, 0.25, 400.0):
        messages.began_with({"email": [(own_services.now, mean)] * 30})
        after = decide(own_services, "c003", "email")
        assert cost(after) == pytest.approx(at_least * mean)
        found.append(after.slate.types[int(after.values.argmax())])
    assert found[0] != "no_action"
    assert found[2] == "no_action"
    assert cost(decide(own_services, "c003", "mini_programme")) == 0.0  # the customer is here: nothing is lost
    assert cost(decide(own_services, "nobody we know", "email")) == 0.0  # nothing is believed of them


def ask(services: Services, policy: DecisionPolicy, customers: Sequence[str | None]) -> None:
    services.live = services.live.trying(ExperimentBook((), policy))
    for customer in customers:
        asyncio.run(answered(services, NextBestOffersRequest(customer_id=customer, channel="email"), {}))


def test_the_service_learns_of_each_message_and_knows_those_of_its_policy_after_a_restart_or_another_policy(own_services: Services) -> None:
    ask(own_services, SENDING, CUSTOMERS)
    before = own_services.engine.messages.mean("email", own_services.now)
    assert before is not None
    assert before > 0
    own_services.decisions.close()
    policy = own_services.settings.data_dir / "policy.toml"
    policy.write_text(tomli_w.dumps(SENDING.model_dump(mode="json", exclude_defaults=True)))
    again = build_services(own_services.settings)
    assert again.engine.messages.mean("email", again.now) == pytest.approx(before)
    ours = policy.read_text()
    policy.write_text('name = "another"')
    assert again.follow()
    assert again.engine.messages.mean("email", again.now) is None
    policy.write_text(ours)
    assert again.follow()
    assert again.engine.messages.mean("email", again.now) == pytest.approx(before)
    again.ledger.close()
    policy.write_text('name = "another"')
    anew = build_services(own_services.settings)
    assert anew.engine.messages.mean("email", anew.now) is None
    anew.ledger.close()


@pytest.mark.parametrize(
    ("changes", "customers"),
    [
        ({"exploration": {"share": 1.0}}, CUSTOMERS),
        ({"holdouts": {"model_control": 1.0}}, CUSTOMERS),
        ({"ranking": "propensity"}, CUSTOMERS),
        ({"value": {"fatigue": False}}, CUSTOMERS),
        ({}, [None, "nobody we know"] * 40),
    ],
)
def test_what_is_sent_by_chance_to_nobody_or_for_something_else_tells_nothing(
    own_services: Services, changes: dict[str, object], customers: list[str | None]
) -> None:
    ask(own_services, SENDING.changed(changes), customers)
    assert own_services.engine.messages.mean("email", own_services.now) is None


def test_a_ledger_that_does_not_say_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    messages = MessagesOfLate()
    messages.began_with({"email": [(NOW, 1.0)] * 40})  # of another policy

    class Away:
        @contextlib.contextmanager
        def reading(self) -> Iterator[None]:
            raise LedgerAway("The ledger is away.")
            yield

    away = SimpleNamespace(database=Away())
    recall(messages, away, ["email"], DecisionPolicy(), now=NOW)  # type: ignore[arg-type]
    assert messages.mean("email", NOW) is None
    assert "is found out anew" in caplog.text
