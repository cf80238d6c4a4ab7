"""A built shop full of people of whom every place holds something: some stay, each of the others will ask to be forgotten."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from features.assumptions import FILE as ASSUMPTIONS_FILE
from features.build import build_features
from features.folding.compact import compact
from features.import_consent import ImportConsent
from features.ledger import identities
from features.ledger.events import Event
from features.ledger.ledger import open_ledger
from features.sources.tabular.importing import plan, run
from features.sources.tabular.mapping import Mapping
from tests.e2e.server_process import ledger_settings
from tests.shop import ASSUMPTIONS

_ORDERS = 4  # of each
_OLD = 3  # events of each that are told again and again


@dataclass(frozen=True, order=True)
class Person:
    """Somebody with two ids and a browser.

    Attributes:
        customer_id: their own id; what the others are made from.
    """

    customer_id: str

    @property
    def ids(self) -> tuple[str, str, str]:
        """Everything they are known by."""
        return self.customer_id, f"card-{self.customer_id}", f"anonymous:device-{self.customer_id}"

    def view(self, name: str, recorded_as: str | None, at: datetime) -> dict[str, Any]:
        """A product that they looked at, as a sender tells it."""
        told = {"type": "track", "event": "Product Viewed", "messageId": f"{name}-{self.customer_id}", "timestamp": at.isoformat()}
        who = recorded_as or self.customer_id
        anonymous = who.startswith(identities.ANONYMOUS)
        known = {"anonymousId": who.removeprefix(identities.ANONYMOUS)} if anonymous else {"userId": who}
        return {**told, **known, "properties": {"product_id": "p1", "note": who}}

    def old_views(self) -> list[dict[str, Any]]:
        """What they did long before they asked."""
        at = datetime(2026, 1, 1, tzinfo=UTC)
        return [self.view(f"old-{n}", self.ids[n % len(self.ids)], at + timedelta(hours=n)) for n in range(_OLD)]


STAYING = tuple(Person(f"stays-{n:03d}-客") for n in range(8))


def write_peopled_shop(data_dir: Path, ledger_url: str, number: int) -> list[Person]:
    """Import, tell, fold and build.

    Args:
        data_dir: an empty folder.
        ledger_url: an empty ledger.
        number: of people who will ask to be forgotten.

    Returns:
        Those.
    """
    going = [Person(f"gone-{n:03d}-顾") for n in range(number)]
    settings = ledger_settings(data_dir, ledger_url)
    data_dir.mkdir(parents=True, exist_ok=True)
    (data_dir / ASSUMPTIONS_FILE).write_text(ASSUMPTIONS, encoding="utf-8")
    orders = data_dir.parent / "orders.csv"
    start = datetime(2025, 10, 1, 9, tzinfo=UTC)
    lines = ["order_id,customer_id,ordered_at,product_id,quantity,amount"]
    everybody = [*going, *STAYING]
    for n, person in enumerate(everybody):
        for order in range(_ORDERS):
            at = start + timedelta(days=20 * order + n % 7)
            lines.append(f"o{n}-{order},{person.ids[order % 2]},{at:%Y-%m-%d %H:%M:%S},p{(n + order) % 6},1,{5 + n % 7}")
        lines.append(f"bad-{n},{person.customer_id},no time at all,p1,1,5")  # set aside, with the id
    orders.write_text("\n".join(lines) + "\n", encoding="utf-8")
    planned = plan(settings, {"orders": [orders]}, Mapping(parts={}), lambda _: None)
    run(settings, planned, now=datetime.now(UTC), consent=ImportConsent.GRANTED)
    ledger = open_ledger(settings)
    try:
        at = datetime(2025, 12, 20, tzinfo=UTC)
        with ledger.database.writing() as connection:
            for person in everybody:
                for alias in person.ids[1:]:
                    identities.link(connection, alias, person.customer_id, at=at, source="test")
        told = [
            Event(f"first-{one}", "product_viewed", one, at, "test", json.dumps({"product_id": "p1", "who": one}))
            for person in everybody
            for one in person.ids
        ]
        ledger.append(told)
    finally:
        ledger.close()
    compact(settings)
    build_features(settings)
    (data_dir / "audience.csv").write_text("rank,customer_id\n" + "".join(f"1,{one.customer_id}\n" for one in everybody), encoding="utf-8")
    return going
