"""How large the made-up shop is that is served, and the name of the folder that keeps it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from features.versions import content_hash

_FORMAT = 3  # raise when the same numbers make another shop


@dataclass(frozen=True)
class ShopSize:
    """Parameters of the shop; equal ones make the same shop.

    Attributes:
        customers: with at least one order, however long ago.
        products: in the catalogue.
        categories: of the products, equally large.
        bundles: sets that the merchant sells together.
        offers: documents of `PUT /v1/offers`.
        weeks: length of the history.
        rounds: trees of the channel-churn model, whose recipe takes 100: no public history says how many such events need.
        small: fit every model with that many trees, where only whether it runs is asked.
        snapshots: customers × weeks that a churn model learns from.
        leaving: chance to leave the channel over a message, of who gets one a week.
        seed: of everything random.
    """

    customers: int = 10_000
    products: int = 20_000
    categories: int = 200
    bundles: int = 5_000
    offers: int = 500
    weeks: int = 40
    rounds: int = 300
    small: bool = False
    snapshots: int = 60_000
    leaving: float = 0.05
    seed: int = 20250101

    @property
    def name(self) -> str:
        """Of the folder that keeps it: another size, another name."""
        return f"shop-{content_hash(_FORMAT, asdict(self))[:12]}"

    def with_offers(self, offers: int) -> ShopSize:
        """The same with another number of written offers."""
        return replace(self, offers=offers)


FULL = ShopSize()
# Seconds instead of minutes: shows that everything runs, and no more.
QUICK = ShopSize(
    customers=300, products=200, categories=10, bundles=30, offers=40, weeks=26, rounds=10, snapshots=4_000, leaving=0.2, small=True
)
