"""Co-creation invitation: help to choose, test or show what comes next."""

from __future__ import annotations

from dataclasses import dataclass

from serving.customer_context import CustomerContext
from serving.offers.advocacy import speaks_well
from serving.offers.protocol import Candidate
from serving.offers.written import Written, every_written


@dataclass(frozen=True)
class CocreateInviteOffers:
    """Written offers, for who is loyal and speaks well of the shop."""

    name: str = "cocreate_invite"

    def candidates(self, context: CustomerContext) -> list[Candidate]:  # noqa: ARG002 - the models make none
        """Only the shop makes them."""
        return []

    def written(self, context: CustomerContext) -> Written | None:
        """Those of the shop; nobody's of whom neither review nor answer is known."""
        reason = speaks_well(context)
        return None if reason is None else every_written(context, self.name, reason)
