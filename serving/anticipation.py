"""Works out anew what is remembered of customers of whom something was just heard: their next answer costs no forecast.

Only customers asked about lately are looked at, only after the worker has renewed their features, and for a share of the time: where more
happens than fits, whoever is left out is forecast when they are asked about.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from features.errors import StateBroken
from features.freshness import read_followed
from features.ledger import events, identities
from features.store import CustomerFeatures
from serving.decisioning.engine import OfferRequest
from serving.foretold import foretell
from serving.services import Services

_SHARE = 0.2  # of the time between two looks: answers come first
_MOST = 500  # people of one look; at a fifth of half a second some thirty are worked out
_TOGETHER = 16  # forecast at once: then the clock is looked at again


class Anticipation:
    """Follows what the online features know; used by one thread at a time."""

    def __init__(self) -> None:
        self._seq: int | None = None

    def look(self, services: Services) -> bool:
        """Work out anew whom the events that came into the features since the last look are about; returns whether there was somebody.

        Raises:
            LedgerAway, LedgerBroken, StateBroken: they cannot be found out; the next look finds what this one missed.
        """
        live, settings = services.live, services.settings
        if not live.memory.most:
            return False
        followed = read_followed(settings.online_dir / live.version, settings.online_server)
        if followed is None or followed.seq == self._seq:
            return False
        if self._seq is None:  # nobody was asked about yet
            self._seq = followed.seq
            return False
        with services.ledger.database.reading() as connection:
            heard = events.people_between(connection, self._seq, followed.seq, most=_MOST)
            customers = list(dict.fromkeys(identities.resolve(connection, one) for one in heard))
        self._seq = followed.seq
        return bool(_worked_out(services, customers, until=time.monotonic() + _SHARE * settings.follow_seconds))


def _worked_out(services: Services, customers: Iterable[str], *, until: float) -> int:
    """How many customers were."""
    live, done = services.live, 0
    waiting = [one for one in customers if one in live.memory]
    while waiting and time.monotonic() < until:
        part, waiting = waiting[:_TOGETHER], waiting[_TOGETHER:]
        renewed = [found for one in part if (found := _renewed(services, one)) is not None]
        foretell(live, renewed, live.policy.horizon_days)
        asked = live.layouts.channels({one.customer_id for one in renewed})
        for customer in renewed:
            contact = services.permitted(customer.customer_id).channels
            for channel in asked.get(customer.customer_id, ()):
                services.engine.anticipate(live, OfferRequest(customer.customer_id, channel, contact=contact), now=services.now)
        done += len(renewed)
    return done


def _renewed(services: Services, customer_id: str) -> CustomerFeatures | None:
    """A customer's features, if they changed and may be used."""
    if not services.permitted(customer_id).personal:
        return None
    memory, reader = services.live.memory, services.live.reader
    before = memory.known(customer_id)
    try:
        customer = memory.read(reader, customer_id)
    except StateBroken:
        return None  # safe: whoever asks is told
    return None if customer is before else customer
