"""All feature views, in the order they are built."""

from __future__ import annotations

from features.definitions.activity import ACTIVITY
from features.definitions.category_cycle import CATEGORY_CYCLE
from features.definitions.engagement import ENGAGEMENT
from features.definitions.profile import PROFILE
from features.definitions.purchasing import PURCHASING
from features.definitions.relationship import RELATIONSHIP
from features.definitions.view import FeatureView

CUSTOMER_VIEWS: tuple[FeatureView, ...] = (PURCHASING, ENGAGEMENT, PROFILE, ACTIVITY, RELATIONSHIP)
VIEWS: tuple[FeatureView, ...] = (*CUSTOMER_VIEWS, CATEGORY_CYCLE)
