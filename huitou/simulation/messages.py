"""What happened in the world on a day, as the shop's systems tell it: Segment messages, and rows of its export files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.simulation.draws import Purpose
from training.simulation.world import Happened, World

SENDING_HOUR = 10.0  # messages go in the morning: outside every quiet hour
_OPENING_HOUR, _CLICKING_HOUR, _LEAVING_HOUR, _VIEWING_HOUR = 10.4, 10.45, 10.5, 10.6
_FIRST_ORDER, _ORDER_HOURS = 11.0, 10.0  # orders come between 11 and 21


@dataclass(frozen=True)
class OrderLine:
    """A line of the export."""

    order_id: str
    customer_id: str
    ordered_at: str
    product_id: str
    quantity: float
    amount: float
    discount: float


@dataclass(frozen=True)
class Messages:
    """Names the world's people, products and moments.

    Attributes:
        world: whose.
    """

    world: World

    def customer(self, number: int) -> str:
        """Id of a customer."""
        return f"c{number:06d}"

    def product(self, number: int) -> str:
        """Id of a product."""
        category = self.world.parameters.categories[int(self.world.category_of[number])].name
        return f"{category}-{number:03d}"

    def moment(self, day: int, hour: float = 0.0) -> datetime:
        """A time of a day, UTC."""
        return self.world.parameters.start + timedelta(days=day, hours=hour)

    def message_id(self, day: int, customer: int) -> str:
        """Id of the message sent to somebody on a day; there is at most one."""
        return f"m{day}-{customer}"

    def order_lines(self, happened: Happened) -> Iterator[OrderLine]:
        """The day's order lines, an order a customer."""
        hour = self._hours(happened.day)
        lines = happened.lines
        for customer, product, quantity, paid, discount in zip(
            *(column.tolist() for column in (lines.customer, lines.product, lines.quantity, lines.paid, lines.discount)), strict=True
        ):
            at = self.moment(happened.day, hour[customer]).isoformat()
            named = self.customer(customer), at, self.product(product)
            yield OrderLine(f"o{happened.day}-{customer}", *named, quantity, round(paid, 2), round(discount, 2))

    def orders(self, happened: Happened) -> Iterator[dict[str, Any]]:
        """The day's orders as Segment messages."""
        together: dict[str, list[OrderLine]] = {}
        for line in self.order_lines(happened):
            together.setdefault(line.order_id, []).append(line)
        for order_id, lines in together.items():
            products = [{"product_id": x.product_id, "quantity": x.quantity, "price": round(x.amount / x.quantity, 4)} for x in lines]
            total, discount = round(sum(x.amount for x in lines), 2), round(sum(x.discount for x in lines), 2)
            properties = {"order_id": order_id, "total": total, "discount": discount, "products": products}
            yield _track("Order Completed", order_id, lines[0].customer_id, lines[0].ordered_at, properties)

    def others(self, happened: Happened, decisions: Mapping[int, str] | None = None) -> Iterator[dict[str, Any]]:
        """Everything else of the day: messages with what became of them, product views, who left the channel.

        Args:
            happened: the day.
            decisions: customer → the decision that led to their message.
        """
        for customer, product in happened.viewed.tolist():
            at = self.moment(happened.day, _VIEWING_HOUR).isoformat()
            view = f"v{happened.day}-{customer}-{product}"
            yield _track("Product Viewed", view, self.customer(customer), at, {"product_id": self.product(product)})
        fates = zip(happened.sent.tolist(), happened.opened.tolist(), happened.clicked.tolist(), strict=True)
        for (customer, offer), opened, clicked in fates:
            yield from self._message(happened.day, customer, offer, (opened, clicked), (decisions or {}).get(customer))
        channel = {"channel": self.world.parameters.messages.channel}
        for customer in happened.unsubscribed.tolist():
            at = self.moment(happened.day, _LEAVING_HOUR).isoformat()
            yield _track("Unsubscribed", f"u{happened.day}-{customer}", self.customer(customer), at, channel)

    def _message(self, day: int, customer: int, offer: int, fate: tuple[bool, bool], decision: str | None) -> Iterator[dict[str, Any]]:
        message, who = self.message_id(day, customer), self.customer(customer)
        said = {"contact_id": message, "offer_id": self.world.offers.found[offer].id, "channel": self.world.parameters.messages.channel}
        sent = said if decision is None else said | {"decision_id": decision}
        yield _track("Message Sent", f"{message}-sent", who, self.moment(day, SENDING_HOUR).isoformat(), sent)
        if fate[0]:
            yield _track("Message Opened", f"{message}-opened", who, self.moment(day, _OPENING_HOUR).isoformat(), said)
        if fate[1]:
            yield _track("Message Clicked", f"{message}-clicked", who, self.moment(day, _CLICKING_HOUR).isoformat(), said)

    def _hours(self, day: int) -> list[float]:
        drawn: NDArray[np.float64] = _FIRST_ORDER + _ORDER_HOURS * self.world.draws.uniform(Purpose.HOUR, self.world.people.count, day)
        hours: list[float] = drawn.tolist()
        return hours


def _track(event: str, message_id: str, user: str, at: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "track", "event": event, "messageId": message_id, "userId": user, "timestamp": at, "properties": properties}
