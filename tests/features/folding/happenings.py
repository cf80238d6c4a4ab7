"""Events written down briefly, and a ledger that they go into."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from features.folding.compact import Compacted, compact
from features.ledger import consents, identities
from features.ledger.consents import ANY, State, Statement
from features.ledger.events import Event, Fate
from features.ledger.ledger import Ledger, open_ledger
from features.settings import FeatureSettings
from features.warehouse import open_warehouse

START = datetime(2026, 1, 1, 9, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def happened(kind: str, customer: str, day: int, /, *, message: str | None = None, **properties: Any) -> Event:
    """An event of a kind, some days after the start."""
    text = json.dumps(properties)
    return Event(message or f"{kind}/{customer}/{day}/{text}"[:128], kind, customer, START + timedelta(days=day), "track", text)


def ordered(order_id: str, customer: str, day: int, /, *, message: str | None = None, **properties: Any) -> Event:
    """A completed order; of two different pieces unless told otherwise."""
    products = properties.pop("products", [{"product_id": "tea", "quantity": 2, "price": 10}, {"product_id": "cup", "price": 5}])
    return happened("order_completed", customer, day, message=message, order_id=order_id, products=products, **properties)


@dataclass
class LedgerShop:
    """A data folder with a ledger.

    Attributes:
        settings: of the folder and the ledger's database.
        ledger: open.
    """

    settings: FeatureSettings
    ledger: Ledger

    @classmethod
    def open(cls, settings: FeatureSettings) -> LedgerShop:
        """Open it with a clock that stands still."""
        return cls(settings, open_ledger(settings, clock=lambda: NOW))

    def tell(self, *events: Event, consent: bool = True) -> None:
        """Append events, every one new; who did them agrees to everything but facts about a child."""
        fates = self.ledger.append(events)
        assert set(fates) <= {Fate.ACCEPTED}, fates
        if consent:
            self.agree({event.recorded_as for event in events})

    def agree(self, ids: Iterable[str], *, purpose: str = ANY, state: State = State.GRANTED) -> None:
        """State a consent."""
        with self.ledger.database.writing() as connection:
            consents.state(connection, [Statement(one, purpose, ANY, state, NOW, "test") for one in sorted(ids)])

    def link(self, alias: str, customer: str) -> int:
        """Say that two ids are one person; returns the link's number."""
        with self.ledger.database.writing() as connection:
            made = identities.link(connection, alias, customer, at=NOW, source="test")
        assert made.changed
        assert made.link_id is not None
        return made.link_id

    def undo(self, link_id: int) -> None:
        """Take a link back."""
        with self.ledger.database.writing() as connection:
            assert identities.undo(connection, link_id, at=NOW) is not None

    def compact(self) -> Compacted:
        """What `huitou compact` does."""
        return compact(self.settings)

    def table(self, name: str) -> pl.DataFrame:
        """A table of the history."""
        return open_warehouse(self.settings).read(name)

    @property
    def version(self) -> str:
        """Hash of the history's content."""
        return open_warehouse(self.settings).version


def owners(shop: LedgerShop, tables: Sequence[str]) -> dict[str, list[str]]:
    """Table → whose rows it holds."""
    return {name: shop.table(name)["customer_id"].drop_nulls().unique().sort().to_list() for name in tables}
