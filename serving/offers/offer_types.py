"""Every offer type that serves. A new one is one file beside this and one line here."""

from __future__ import annotations

from serving.offers.bundle import BundleOffers
from serving.offers.coupon import CouponOffers
from serving.offers.item import ItemOffers
from serving.offers.no_action import NoAction
from serving.offers.protocol import OfferType
from serving.offers.replenishment import ReplenishmentOffers
from serving.offers.winback import WinbackOffers

OFFER_TYPES: tuple[OfferType, ...] = (ReplenishmentOffers(), BundleOffers(), CouponOffers(), ItemOffers(), WinbackOffers(), NoAction())
