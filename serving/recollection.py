"""What messages of late brought, read from the ledger when a service begins."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime

from features.decisions.policy import DecisionPolicy
from features.errors import HuitouError
from features.ledger.ledger import Ledger
from features.ledger.values_sent import values_sent
from serving.decisioning.experiments import as_kept
from serving.decisioning.messages_of_late import LATELY, MOST, MessagesOfLate, by_value

_LOG = logging.getLogger("huitou.serving")


def recall(messages: MessagesOfLate, ledger: Ledger, channels: Iterable[str], policy: DecisionPolicy, *, now: datetime) -> None:
    """Fill in what was sent lately; where the ledger does not say, it is found out anew, message by message.

    Args:
        messages: filled, whatever they held.
        ledger: whose decisions.
        channels: outbound ones.
        policy: that decides.
        now: the service's clock, UTC.
    """
    if not by_value(policy):
        messages.began_with({})
        return
    try:
        with ledger.database.reading() as connection:
            kept = values_sent(connection, channels, policy=as_kept(policy), since=now - LATELY, most=MOST)
        messages.began_with(kept)
    except HuitouError as error:
        messages.began_with({})
        _LOG.warning("What messages of late brought is not known, and is found out anew: %s", error)
