"""Every offer type that serves. A new one is one file beside this and one line here."""

from __future__ import annotations

from collections.abc import Mapping

from serving.offers.bundle import BundleOffers
from serving.offers.coupon import CouponOffers
from serving.offers.item import ItemOffers
from serving.offers.no_action import NoAction
from serving.offers.protocol import OfferType
from serving.offers.replenishment import ReplenishmentOffers
from serving.offers.terms import Demand, nothing_more
from serving.offers.winback import WinbackOffers

OFFER_TYPES: tuple[OfferType, ...] = (ReplenishmentOffers(), BundleOffers(), CouponOffers(), ItemOffers(), WinbackOffers(), NoAction())
WRITABLE: Mapping[str, Demand] = {offer_type.name: nothing_more for offer_type in OFFER_TYPES if not isinstance(offer_type, NoAction)}
