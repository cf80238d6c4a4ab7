"""The shop's written offers, read once when they change: validated, compiled, found by id and type.

Offers, merchant bundles and content are documents of the ledger. One that no longer does (written by an older version, or its channel is
gone) is left out with a reason, which `/readyz` tells; a request never meets it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from features.ledger.catalogue import Kind
from features.offers.customer_conditions import Judge, judge_of
from features.offers.offer import Offer
from features.versions import content_hash
from serving.offers.terms import Terms

FOLLOWED = (Kind.OFFER, Kind.BUNDLE, Kind.CONTENT)
_LIVE = "live"  # type of the content that happens at a time
_NAMED = 3  # offers named in one sentence

Key = tuple[Kind, str]
Documents = Mapping[Key, str]


@dataclass(frozen=True)
class WrittenOffer:
    """An offer that may be decided on.

    Attributes:
        offer: as written, or made of a bundle's or a content's document.
        suits: its conditions as a function of one customer's values; None: everybody.
    """

    offer: Offer
    suits: Judge | None = None


@dataclass(frozen=True)
class LeftOut:
    """A document that makes no offer.

    Attributes:
        kind, document_id: which.
        reason: for the shop.
    """

    kind: Kind
    document_id: str
    reason: str


@dataclass(frozen=True)
class OfferBook:
    """All of them at one moment; never changed, only replaced.

    Attributes:
        by_id: offer id → offer.
        by_type: type → its offers, by id.
        left_out: documents that make none.
        version: hash of the documents and terms: changes with any of them.
    """

    by_id: Mapping[str, WrittenOffer] = field(default_factory=dict)
    by_type: Mapping[str, tuple[WrittenOffer, ...]] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    version: str = "empty"
    _entries: Mapping[Key, WrittenOffer | LeftOut] = field(default_factory=dict, repr=False)
    _hashes: Mapping[Key, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, documents: Documents, terms: Terms) -> OfferBook:
        """A book of these documents alone."""
        return cls().updated(documents, terms)

    def updated(self, changed: Documents, terms: Terms) -> OfferBook:
        """The book with some documents written or written anew; what did not change is not read again.

        Args:
            changed: (kind, id) → JSON.
            terms: as the unchanged ones were judged by.
        """
        entries = {**self._entries, **{key: _entry(key, body, terms) for key, body in changed.items()}}
        hashes = {**self._hashes, **{key: content_hash(body) for key, body in changed.items()}}
        found = sorted((one for one in entries.values() if isinstance(one, WrittenOffer)), key=lambda one: one.offer.offer_id)
        by_type: dict[str, list[WrittenOffer]] = {}
        for one in found:
            by_type.setdefault(one.offer.type, []).append(one)
        return OfferBook(
            by_id={one.offer.offer_id: one for one in found},
            by_type={name: tuple(offers) for name, offers in by_type.items()},
            left_out=tuple(entries[key] for key in sorted(entries) if isinstance(entries[key], LeftOut)),  # type: ignore[misc]
            version=content_hash(sorted((*key, told) for key, told in hashes.items()), sorted(terms.channels), terms.bundle_discount),
            _entries=entries,
            _hashes=hashes,
        )

    @cached_property
    def capped(self) -> bool:
        """Whether some offer may be sent to one customer so many times only: then all their messages are looked at."""
        return any(one.offer.cap is not None for one in self.by_id.values())

    @cached_property
    def budgeted(self) -> bool:
        """Whether some offer has a budget."""
        return any(one.offer.budget is not None for one in self.by_id.values())

    def of_type(self, name: str) -> tuple[WrittenOffer, ...]:
        """Offers of a type, by id."""
        return self.by_type.get(name, ())

    def problem(self) -> str | None:
        """What is left out and why, in one sentence for those who run the service; None when nothing is."""
        if not self.left_out:
            return None
        named = "; ".join(f"{one.kind} {one.document_id}: {one.reason}" for one in self.left_out[:_NAMED])
        more = len(self.left_out) - _NAMED
        others = f"; and {more} more" if more > 0 else ""
        return f"{len(self.left_out)} left out: {named}{others}. Write them again as docs/offers.md says."


def offer_documents(offers: Iterable[Offer]) -> dict[Key, str]:
    """Offers as the ledger keeps them."""
    return {(Kind.OFFER, offer.offer_id): offer.model_dump_json(exclude_none=True) for offer in offers}


def _entry(key: Key, body: str, terms: Terms) -> WrittenOffer | LeftOut:
    kind, document_id = key
    try:
        told = json.loads(body)
        offer = Offer.model_validate(told if kind is Kind.OFFER else _offer_of(kind, told, terms))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return LeftOut(kind, document_id, f"{'.'.join(map(str, first['loc'])) or 'the whole'}: {first['msg']}")
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        return LeftOut(kind, document_id, f"it cannot be read ({error})")
    objection = terms.objection(offer) if kind is Kind.OFFER else None
    if objection is not None:
        return LeftOut(kind, document_id, f"{objection.field}: {objection.reason}")
    return WrittenOffer(offer, None if offer.conditions is None else judge_of(offer.conditions))


def _offer_of(kind: Kind, told: Mapping[str, Any], terms: Terms) -> dict[str, Any]:
    """A bundle or a content as the offer it makes."""
    if kind is Kind.BUNDLE:
        label = told.get("label")
        return {
            "offer_id": f"bundle:{told['bundle_id']}",
            "type": "bundle",
            "title": {} if label is None else {"en": label, "zh": label},
            "product_ids": told["product_ids"],
            "discount_share": terms.bundle_discount,
        }
    made = "live_invite" if told["type"] == _LIVE else "content"
    taken = ("title", "product_ids", "url", "ends_at")
    begins = told.get("starts_at")
    if made == "live_invite" and begins is not None:
        # A session is offered before it begins, and until it ends.
        starts = datetime.fromisoformat(begins)
        dates = {"starts_at": starts - timedelta(days=terms.live_invite_days), "ends_at": told.get("ends_at") or starts}
    else:
        dates = {} if begins is None else {"starts_at": begins}
    return {
        "offer_id": f"{made}:{told['content_id']}",
        "type": made,
        "content_id": told["content_id"],
        **{name: told[name] for name in taken if name in told},
        **dates,
    }
