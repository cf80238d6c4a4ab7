"""Which of the fed offers, bundles and contents are taken: by the shop's terms, and only of products that there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel

from features.ledger.catalogue import Kind, known_documents
from features.offers.offer import Offer
from serving.api.feed_schemas import BundleFed, ContentFed, RefusedItem
from serving.intake import shown
from serving.live_opening import terms_of
from serving.offers.terms import Objection
from serving.services import Services

ItemT = TypeVar("ItemT", bound=BaseModel)
_NAMED = 3  # products named in one sentence


def admitted(services: Services, items: Mapping[int, ItemT]) -> tuple[dict[int, ItemT], list[RefusedItem]]:
    """Split well-formed items into those that are taken and those that are not.

    A product is known when the build knows it or it was fed; what was fed after the build is offered after the next one.

    Raises:
        LedgerAway, LedgerBroken: nobody knows which products were fed.
    """
    unknown = _unknown_products(services, items)
    terms = terms_of(services.live)
    taken: dict[int, ItemT] = {}
    refused: list[RefusedItem] = []
    for index, item in items.items():
        missing = [product for product in _products(item) if product in unknown]
        objection = _missing(missing) if missing else terms.objection(item) if isinstance(item, Offer) else None
        if objection is None:
            taken[index] = item
        else:
            refused.append(RefusedItem(index=index, field=objection.field, reason=shown(objection.reason)))
    return taken, refused


def _unknown_products(services: Services, items: Mapping[int, BaseModel]) -> set[str]:
    catalogue = services.live.catalogue
    asked = {product for item in items.values() for product in _products(item) if catalogue.product(product) is None}
    if not asked:
        return set()
    with services.ledger.database.reading() as connection:
        return asked - known_documents(connection, Kind.PRODUCT, sorted(asked))


def _products(item: BaseModel) -> tuple[str, ...]:
    return item.product_ids if isinstance(item, Offer | BundleFed | ContentFed) else ()


def _missing(products: list[str]) -> Objection:
    more = f" and {len(products) - _NAMED} more" if len(products) > _NAMED else ""
    return Objection("product_ids", f"not in the catalogue: {', '.join(products[:_NAMED])}{more}; feed products before what offers them")
