"""What killed commands leave behind holds people too: torn files, and files of other erasures."""

from __future__ import annotations

from features.erasing.resuming import resume_erasures
from features.ledger import erasing
from tests.features.erasing.person import GONE, Shop, fill, searched
from tests.features.erasing.search import places_of


def test_what_was_left_aside_goes_whatever_it_holds(file_shop: Shop) -> None:
    shop = file_shop
    fill(shop, built=False)
    data_dir = shop.settings.data_dir
    torn = b"PAR1" + GONE.encode()
    left = (
        *(f"{part}/.writing-abc/orders.parquet" for part in ("imported", "folded", "warehouse", "features", "online")),
        "imports/.writing-def/orders-0/raw.parquet",
        "imported/v-0/.orders.parquet.writing",
        ".scores.csv.writing",
        "report.writing",
    )
    for name in left:
        path = data_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(torn)
    assert set(left) <= set(places_of(data_dir, GONE))
    erasing.begin(shop.ledger, GONE, actor="test")
    resume_erasures(shop.settings, shop.ledger, actor="test")
    assert searched(shop) == []
    assert not any((data_dir / name).exists() for name in left)
