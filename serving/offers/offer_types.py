"""Every offer type that serves. A new one is one file beside this and one line here."""

from __future__ import annotations

from collections.abc import Mapping

from serving.offers.adviser_talk import AdviserTalkOffers
from serving.offers.back_in_stock import BackInStockOffers
from serving.offers.birthday import BirthdayOffers
from serving.offers.bundle import BundleOffers
from serving.offers.cocreate_invite import CocreateInviteOffers
from serving.offers.content import ContentOffers
from serving.offers.coupon import CouponOffers
from serving.offers.item import ItemOffers
from serving.offers.live_invite import LiveInviteOffers
from serving.offers.new_need import NewNeedOffers
from serving.offers.no_action import NoAction
from serving.offers.protocol import Demanding, OfferType
from serving.offers.referral_invite import ReferralInviteOffers
from serving.offers.replenishment import ReplenishmentOffers
from serving.offers.store_visit import StoreVisitOffers
from serving.offers.survey import SurveyOffers
from serving.offers.terms import Demand, nothing_more
from serving.offers.tier_upgrade import TierUpgradeOffers
from serving.offers.try_on_invite import TryOnInviteOffers
from serving.offers.usage_tip import UsageTipOffers
from serving.offers.winback import WinbackOffers

OFFER_TYPES: tuple[OfferType, ...] = (
    ReplenishmentOffers(),
    BundleOffers(),
    CouponOffers(),
    ItemOffers(),
    NewNeedOffers(),
    WinbackOffers(),
    BackInStockOffers(),
    BirthdayOffers(),
    TierUpgradeOffers(),
    UsageTipOffers(),
    SurveyOffers(),
    ReferralInviteOffers(),
    CocreateInviteOffers(),
    ContentOffers(),
    LiveInviteOffers(),
    TryOnInviteOffers(),
    StoreVisitOffers(),
    AdviserTalkOffers(),
    NoAction(),
)
# What each type demands of an offer that a shop writes; doing nothing is not written.
WRITABLE: Mapping[str, Demand] = {
    one.name: one.demand if isinstance(one, Demanding) else nothing_more for one in OFFER_TYPES if not isinstance(one, NoAction)
}
