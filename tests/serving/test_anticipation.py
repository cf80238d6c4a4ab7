"""Of whom something was just heard, everything is worked out before somebody asks; of nobody without consent, and of nobody else."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from features.freshness import Followed, begin_following
from features.ledger import consents
from features.ledger.consents import State, Statement
from features.ledger.events import Event, newest
from features.ledger.marks import Marks
from features.store import DATABASE, PROJECT, VIEW, entity_key
from serving.anticipation import Anticipation
from serving.decisioning import engine
from serving.decisioning.engine import OfferRequest
from serving.services import Services, build_services
from serving.settings import ServingSettings
from tests.serving.small_shop import AS_OF, CUSTOMERS

ASKED, SILENT, UNASKED, REFUSES = CUSTOMERS[:4]
CONTACT = frozenset({"email", "app", "mail"})


@pytest.fixture
def own(own_shop: Path) -> Iterator[Services]:
    services = build_services(ServingSettings(data_dir=own_shop))
    folder = services.settings.online_dir / services.live.version
    begin_following(folder, Followed(0, Marks(0, 0, 0), AS_OF))
    yield services
    services.ledger.close()


def ask(services: Services, customer: str) -> None:
    for channel in ("web", "email"):
        permitted = services.permitted(customer)
        services.engine.decide(services.live, OfferRequest(customer, channel, contact=permitted.channels), now=services.now)


def hear(services: Services, number: int, *people: str) -> None:
    """Something happens, and the worker renews the features of whom it is about: they are now as another's."""
    services.ledger.append([Event(f"m{number}-{one}", "cart_viewed", one, AS_OF, "test", "{}") for one in people])
    folder = services.settings.online_dir / services.live.version
    table = f'"{PROJECT}_{VIEW}"'
    with sqlite3.connect(folder / DATABASE) as connection:
        rows = connection.execute(f"SELECT feature_name, value FROM {table} WHERE entity_key = ?", (entity_key(CUSTOMERS[50 + number]),))  # noqa: S608
        told = rows.fetchall()
        for one in people:
            connection.executemany(
                f"UPDATE {table} SET value = ? WHERE entity_key = ? AND feature_name = ?",  # noqa: S608
                [(value, entity_key(one), name) for name, value in told],
            )
    with services.ledger.database.reading() as connection:
        begin_following(folder, Followed(newest(connection), Marks(0, 0, 0), AS_OF))


def refuse(services: Services, customer: str) -> None:
    with services.ledger.database.writing() as connection:
        consents.state(connection, [Statement(customer, "*", "*", State.WITHDRAWN, services.ledger.clock(), "test")])


def test_whoever_was_asked_about_and_changed_is_worked_out(own: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    for one in (ASKED, SILENT, REFUSES):
        ask(own, one)
    anticipation = Anticipation()
    assert not anticipation.look(own)
    assert not anticipation.look(own)
    before = {one: own.live.memory.known(one) for one in CUSTOMERS[:4]}
    refuse(own, REFUSES)
    hear(own, 1, ASKED, UNASKED, REFUSES)
    assert anticipation.look(own)
    after = {one: own.live.memory.known(one) for one in CUSTOMERS[:4]}
    assert {one for one in before if after[one] is not before[one]} == {ASKED}, "the others did not change, were not asked about or refuse"
    kept = own.live.memory.of(after[ASKED], 28)  # type: ignore[arg-type]
    assert kept is not None
    assert {"churn", "value", "category_hazards"} <= set(kept)
    assert not anticipation.look(own), "nothing new"

    def forbidden(*_: object) -> None:
        raise AssertionError("it was laid out already")

    monkeypatch.setattr(engine, "lay_out", forbidden)
    ask(own, ASKED)
    with pytest.raises(AssertionError, match="already"):
        ask(own, UNASKED)


def test_where_nobody_is_remembered_nothing_is_done(own_shop: Path) -> None:
    services = build_services(ServingSettings(data_dir=own_shop, remembered_customers=0))
    ask(services, ASKED)
    assert not Anticipation().look(services)
    services.ledger.close()


def test_it_stops_when_its_time_is_over(own: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    for one in CUSTOMERS[:40]:
        ask(own, one)
    anticipation = Anticipation()
    anticipation.look(own)
    hear(own, 2, *CUSTOMERS[:40])
    monkeypatch.setattr("serving.anticipation._SHARE", 1e-9)
    assert not anticipation.look(own)
    ask(own, ASKED)  # whoever is left out is worked out when asked about
