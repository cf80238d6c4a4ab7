"""Decisions of the ledger as the price audit looks at them: what each offered, and to whom by group."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import datetime

from pydantic import ValidationError

from features.decisions.record import DecisionRecord
from features.errors import StateBroken
from features.ledger import identities
from features.ledger.decisions import recorded_decisions
from features.ledger.ledger import Ledger
from features.store import CustomerReader
from serving.decisioning.fairness import Given

_AGE_BANDS = (25, 35, 45, 55, 65)  # years at which an age group begins; below the first one: under 25


def given_values(ledger: Ledger, reader: CustomerReader, *, since: datetime | None = None) -> Iterator[Given]:
    """What the policy offered each person, decision by decision.

    Decisions in which nothing personal was used name nobody and cannot follow anybody; those of a holdout are not the policy's. Stage and
    layer are those of the decision; tier and age group are today's, of people whose features may be computed.

    Args:
        ledger: open.
        reader: the customers' features.
        since: leave out what was decided before, UTC.

    Raises:
        LedgerAway, LedgerBroken: the ledger does not answer.
    """
    known: dict[str, dict[str, str]] = {}
    with ledger.database.reading() as connection:
        for page in recorded_decisions(connection, since=since):
            owner = identities.resolve_all(connection, {one.recorded_as for one in page})
            for one in page:
                record = _record(one.record)
                if record is None or record.holdout is not None:
                    continue
                customer = owner[one.recorded_as]
                if customer not in known:
                    known[customer] = _attributes(reader, customer)
                value = max((offer.factors.discount for offer in record.given), default=0.0)
                yield Given(customer, known[customer] | _said(one.body), value)


def _record(text: str) -> DecisionRecord | None:
    try:
        return DecisionRecord.model_validate_json(text)
    except ValidationError:  # safe: of another version's format; the audit says how many decisions it read
        return None


def _said(body: str) -> dict[str, str]:
    told = json.loads(body)
    return {name: str(told[name]) for name in ("stage", "layer") if told.get(name)}


def _attributes(reader: CustomerReader, customer_id: str) -> dict[str, str]:
    try:
        customer = reader.read(customer_id)
    except StateBroken:  # safe: their stage and layer still count
        return {}
    if customer is None:
        return {}
    tier, age = customer.value("tier_level"), customer.value("age_from")
    found = {"tier": f"{tier:g}"} if math.isfinite(tier) else {}
    return found | ({"age group": _age_group(age)} if math.isfinite(age) else {})


def _age_group(years: float) -> str:
    begun = [start for start in _AGE_BANDS if years >= start]
    return f"from {begun[-1]}" if begun else f"under {_AGE_BANDS[0]}"
