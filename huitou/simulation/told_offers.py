"""What an answered offer is in the world: the offer that the shop fed, or the one that is about the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from huitou.simulation.messages import Messages
from training.simulation.state import NOTHING
from training.simulation.world import World

# Offer types that the service makes by itself, and what the shop would send for them.
_KINDS = {"replenishment": "replenishment", "item": "replenishment", "back_in_stock": "replenishment", "usage_tip": "content"}


@dataclass(frozen=True)
class ToldOffers:
    """Finds the world's offer of an answer.

    Attributes:
        world: whose.
    """

    world: World

    def number(self, offer: dict[str, Any]) -> int:
        """Number of the offer, `NOTHING` for no action.

        Args:
            offer: as `POST /v1/next-best-offers` shows it: `type`, `offer_id`, `items`.

        An offer that the world does not have is sent as what it resembles: of the same kind and about the category of its first product,
        else a reminder of that category, else content.
        """
        if offer["type"] == "no_action":
            return NOTHING
        found = self.world.offers.found
        said = offer["offer_id"].rsplit(":", 1)[-1]
        for number, one in enumerate(found):
            if one.id == said:
                return number
        kind = _KINDS.get(offer["type"], offer["type"])
        about = self._categories(offer)
        alike = [n for n, one in enumerate(found) if one.kind == kind and (not about or not one.categories or about[0] in one.categories)]
        reminders = [n for n, one in enumerate(found) if one.kind == "replenishment" and about and about[0] in one.categories]
        content = [n for n, one in enumerate(found) if one.kind == "content"]
        return next(iter([*alike, *reminders, *content]), NOTHING)

    def _categories(self, offer: dict[str, Any]) -> list[str]:
        """Categories of its products, as they are listed; of a reminder without products, the category that its id names."""
        messages = Messages(self.world)
        named = {messages.product(p): self.world.parameters.categories[c].name for p, c in enumerate(self.world.category_of.tolist())}
        found = [named[item["product_id"]] for item in offer["items"] if item["product_id"] in named]
        said = offer["offer_id"].rsplit(":", 1)[-1].lower()
        return found or [category.name for category in self.world.parameters.categories if category.name == said]
