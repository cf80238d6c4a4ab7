"""The kinds of events: under which names they come, and what they must say. A new kind is one more row here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from features.ledger import facts

OTHER = "other"  # an event of a name we do not know: kept, exported, erased, not folded


@dataclass(frozen=True)
class Kind:
    """One kind of event.

    Attributes:
        name: in the ledger.
        facts: what its properties must hold.
        names: names it comes under: Segment's e-commerce specification, then what marketing tools call it. Case is ignored.
    """

    name: str
    facts: type[facts.Facts]
    names: tuple[str, ...]


KINDS: tuple[Kind, ...] = (
    Kind("order_completed", facts.Order, ("Order Completed",)),
    Kind("order_refunded", facts.Refund, ("Order Refunded",)),
    Kind("order_cancelled", facts.Refund, ("Order Cancelled",)),
    Kind("product_viewed", facts.OfProduct, ("Product Viewed", "Product Clicked")),
    Kind("product_added", facts.OfProduct, ("Product Added",)),
    Kind("product_removed", facts.OfProduct, ("Product Removed",)),
    Kind("wishlist_added", facts.OfProduct, ("Product Added to Wishlist",)),
    Kind("product_shared", facts.OfProduct, ("Product Shared",)),
    Kind("list_viewed", facts.OfList, ("Product List Viewed", "Products Searched", "Product List Filtered")),
    Kind("cart_viewed", facts.Nothing, ("Cart Viewed",)),
    Kind("checkout_started", facts.Nothing, ("Checkout Started", "Checkout Step Viewed", "Checkout Step Completed")),
    Kind("promotion_viewed", facts.OfMessage, ("Promotion Viewed",)),
    Kind("promotion_clicked", facts.OfMessage, ("Promotion Clicked",)),
    Kind("message_sent", facts.OfMessage, ("Message Sent", "Email Sent", "Email Delivered", "Push Notification Sent", "SMS Sent")),
    Kind("message_opened", facts.OfMessage, ("Message Opened", "Email Opened", "Push Notification Opened")),
    Kind("message_clicked", facts.OfMessage, ("Message Clicked", "Email Link Clicked", "Push Notification Tapped", "SMS Link Clicked")),
    Kind("unsubscribed", facts.Left, ("Unsubscribed", "Message Unsubscribed", "Email Unsubscribed")),
    Kind("group_left", facts.Left, ("Group Left",)),
    Kind("contact_deleted", facts.Left, ("Contact Deleted",)),
    Kind("channel_joined", facts.Left, ("Subscribed", "Group Joined", "Contact Added")),
    Kind("tag_added", facts.Tag, ("Tag Added", "Keyword Replied", "Quiz Answered")),
    Kind("complaint_opened", facts.Complaint, ("Complaint Opened", "Complaint Filed")),
    Kind("complaint_closed", facts.Complaint, ("Complaint Closed", "Complaint Resolved")),
    Kind("product_reviewed", facts.Review, ("Product Reviewed",)),
    Kind("points_changed", facts.Points, ("Points Changed", "Points Earned", "Points Redeemed")),
    Kind("tier_changed", facts.Tier, ("Tier Changed",)),
    Kind("content_viewed", facts.OfContent, ("Content Viewed", "Video Playback Started")),
    Kind("live_attended", facts.OfContent, ("Live Attended",)),
    Kind("store_visited", facts.OfStore, ("Store Visited",)),
    Kind("product_tried_on", facts.OfProduct, ("Product Tried On",)),
    Kind("survey_answered", facts.Survey, ("Survey Answered",)),
    Kind("nps_answered", facts.Nps, ("NPS Answered",)),
    Kind("need_stated", facts.Need, ("Need Stated",)),
    Kind("life_stage_stated", facts.LifeStage, ("Life Stage Stated",)),
    Kind("identified", facts.Traits, ()),
)
BY_NAME: Mapping[str, Kind] = {kind.name: kind for kind in KINDS}
BY_EVENT: Mapping[str, Kind] = {name.casefold(): kind for kind in KINDS for name in (*kind.names, kind.name)}
LEAVING = ("unsubscribed", "group_left", "contact_deleted")  # churn from the channel
