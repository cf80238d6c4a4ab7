"""A person with every trace a shop can have of them, and the search for them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from features.assumptions import FILE as ASSUMPTIONS_FILE
from features.build import build_features
from features.folding.compact import compact
from features.import_consent import ImportConsent
from features.ledger import decisions, identities
from features.ledger.answers import KeptAnswer
from features.ledger.contacts import Contact
from features.ledger.decision_spool import DecisionSpool
from features.ledger.decisions import Decided, Outcome
from features.ledger.events import Event, Fate
from features.ledger.exposures import Exposure
from features.ledger.ledger import Ledger
from features.ledger.slates import KeptSlate
from features.settings import FeatureSettings
from features.sources.tabular.importing import plan, run
from features.sources.tabular.mapping import Mapping
from tests.features.erasing.search import keys_of, places_of, tables_of
from tests.shop import ASSUMPTIONS

GONE, ALIAS, VISITOR, STAYS = "gone-4711-顾客", "card-990077", "anonymous:device-5150", "stays-1"
THEIRS = (GONE, ALIAS, VISITOR)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Shop:
    settings: FeatureSettings
    ledger: Ledger
    clock: Clock
    orders: Path

    def import_orders(self, *more: str) -> None:
        lines = ["order_id,customer_id,ordered_at,product_id,quantity,amount"]
        for number in range(60):
            customer = (GONE, ALIAS, STAYS, *(f"other-{i}" for i in range(7)))[number % 10]
            day = datetime(2025, 1, 1, 9, tzinfo=UTC) + timedelta(days=number * 5)
            lines.append(f"o{number},{customer},{day:%Y-%m-%d %H:%M:%S},p{number % 6},1,{5 + number % 7}")
        lines.append(f"o-bad,{GONE},no time at all,p1,1,5")
        self.orders.write_text("\n".join([*lines, *more]) + "\n", encoding="utf-8")
        planned = plan(self.settings, {"orders": [self.orders]}, Mapping(parts={}), lambda _: None)
        run(self.settings, planned, now=self.clock(), consent=ImportConsent.GRANTED)


def fill(shop: Shop, *, built: bool = True) -> None:
    """Every place gets the person."""
    (shop.settings.data_dir / ASSUMPTIONS_FILE).write_text(ASSUMPTIONS, encoding="utf-8")
    shop.import_orders()
    at = NOW - timedelta(days=2)
    with shop.ledger.database.writing() as connection:
        for alias in (ALIAS, VISITOR):
            assert identities.link(connection, alias, GONE, at=at, source="test").changed
        contact = Contact("d1", ALIAS, "email", "item", "item:p1", "d1", at)
        exposures = tuple(Exposure("e1", who, "a", at) for who in (ALIAS, STAYS))
        slate = KeptSlate.of(json.dumps({"customer_id": ALIAS}), ALIAS)
        decided = Decided("d1", ALIAS, at, json.dumps({"customer_id": ALIAS}), "{}", contact, exposures, slate)
        said = KeptAnswer.of('{"decision_id":"', f'","customer_id":"{ALIAS}"}}', ALIAS)
        decisions.record_decisions(connection, [decided, Decided("d2", ALIAS, at, "", answer=said)])
        decisions.record_outcomes(connection, [Outcome("out1", "d1", "item:p1", "clicked", None, at)], received_at=at)
    told = [
        Event(f"m-{who}-{i}", "product_viewed", who, at + timedelta(minutes=i), "test", json.dumps({"product_id": "p1", "who": who}))
        for who in (*THEIRS, STAYS)
        for i in range(30)
    ]
    assert set(shop.ledger.append(told)) == {Fate.ACCEPTED}
    compact(shop.settings)
    if built:
        build_features(shop.settings)
    spool = DecisionSpool(shop.settings.data_dir, limit_bytes=1_000_000)
    spool.append([Decided(f"d-{who}", who, at, json.dumps({"customer_id": who})) for who in (GONE, STAYS)])
    spool.close()  # of a service that was killed before its ledger took them
    (shop.settings.data_dir / "audience.csv").write_text(f"rank,customer_id\n1,{GONE}\n2,{STAYS}\n", encoding="utf-8")
    (shop.settings.data_dir / "report.html").write_text(f"<td>{ALIAS}</td>", encoding="utf-8")
    (shop.settings.data_dir / "demo.json").write_text(json.dumps({"customers": [STAYS]}), encoding="utf-8")


def searched(shop: Shop) -> list[str]:
    return [
        f"{one}: {place}"
        for one in THEIRS
        for place in (*places_of(shop.settings.data_dir, one), *tables_of(shop.ledger, one), *keys_of(shop.settings, one))
    ]
