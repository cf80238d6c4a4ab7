"""What the sample shop sells: named products in categories, how often a household comes back for each, and what is used together."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

EXCLUDED = "GIFT CARDS"  # sold, but no merchandise: the sample's assumptions keep it out of every offer


@dataclass(frozen=True)
class Shelf:
    """One category of the shop.

    Attributes:
        category: its name; None for things the shop never sorted.
        department: what the margins are stated for.
        cycle_days: how long a pack usually lasts; 0 for what is bought once in a while.
        price: of its first product, in the shop's currency; every further one costs a sixth more.
        names: its products, the best seller first.
    """

    category: str | None
    department: str
    cycle_days: float
    price: float
    names: tuple[str, ...]


# Days a pack lasts and prices are made up: plausible for a small shop of food and care, measured nowhere.
SHELVES = (
    Shelf("COFFEE", "FOOD", 21, 7.9,
          ("House beans 咖啡豆 250 g", "Espresso beans 意式豆", "Drip bags 挂耳咖啡", "Decaf 低因咖啡", "Cold brew 冷萃")),
    Shelf("TEA", "FOOD", 35, 6.4,
          ("Jasmine tea 茉莉花茶", "Longjing 龙井", "Oolong 乌龙茶", "Pu'er 普洱", "Barley tea 大麦茶")),
    Shelf("BREAKFAST", "FOOD", 16, 4.2,
          ("Oats 燕麦片 500 g", "Granola 坚果麦片", "Soy milk powder 豆浆粉", "Black sesame 黑芝麻糊", "Honey 蜂蜜")),
    Shelf("SNACKS", "FOOD", 12, 3.5,
          ("Mixed nuts 每日坚果", "Seaweed crisps 海苔脆", "Dried mango 芒果干", "Rice crackers 米饼", "Dark chocolate 黑巧")),
    Shelf("PET FOOD", "FOOD", 25, 11.5,
          ("Cat food 猫粮 1.5 kg", "Dog food 狗粮 2 kg", "Cat treats 猫条", "Freeze-dried chicken 冻干鸡肉", "Wet food 湿粮")),
    Shelf("FACE CARE", "CARE", 28, 12.0,
          ("Face masks 面膜 10 片", "Cleanser 洗面奶", "Toner 爽肤水", "Day cream 日霜", "Serum 精华液")),
    Shelf("HAIR CARE", "CARE", 42, 8.2,
          ("Shampoo 洗发水 400 ml", "Conditioner 护发素", "Hair mask 发膜", "Scalp tonic 头皮精华", "Dry shampoo 免洗喷雾")),
    Shelf("TISSUES", "HOME", 18, 4.9,
          ("Tissues 抽纸 12 包", "Kitchen rolls 厨房纸", "Wet wipes 湿巾", "Handkerchiefs 手帕纸", "Toilet paper 卷纸")),
    Shelf("LAUNDRY", "HOME", 38, 9.6,
          ("Laundry liquid 洗衣液 2 L", "Laundry pods 洗衣凝珠", "Softener 柔顺剂", "Stain remover 去渍剂", "Scent beads 留香珠")),
    Shelf("KITCHENWARE", "HOME", 0, 19.0,
          ("Pour-over set 手冲壶套装", "Thermos 保温杯", "Knife 菜刀", "Glass jars 密封罐", "Tea set 茶具")),
    Shelf(EXCLUDED, "OTHER", 0, 20.0,
          ("Gift card 礼品卡 20", "Gift card 礼品卡 25", "Gift card 礼品卡 30", "Gift card 礼品卡 50", "Wrapping 礼品包装")),
    Shelf(None, "OTHER", 0, 2.0,
          ("Tote bag 帆布袋", "Sticker sheet 贴纸", "Postcard 明信片", "Sample sachet 试用装", "Calendar 日历")),
)  # fmt: skip
# Bought together in the same basket: the second follows the first.
COMPANIONS = {"p00-2": "p02-4", "p05-0": "p05-2", "p06-0": "p06-1", "p08-0": "p08-2", "p01-1": "p03-4"}

UNKNOWN_PRODUCT = "unlisted-1"  # in order lines, absent from the products table
NEVER_SOLD = "never-sold-1"
DELISTED = "p05-4"  # sold once, no longer in the catalogue
_SOLD_OUT, _FEW_LEFT = 3, 1  # places on every shelf
_PRICE_STEP = 1 / 6


def product_id(shelf: int, place: int) -> str:
    """Id of a product by its shelf and its place there."""
    return f"p{shelf:02d}-{place}"


def list_price(shelf: int, place: int) -> float:
    """What one piece costs without a discount."""
    return round(SHELVES[shelf].price * (1 + _PRICE_STEP * place), 2)


def sample_products() -> pl.DataFrame:
    """The products table; one product has a row and no sale, every shelf one that is out of stock and one with a few pieces left."""
    rows = [
        {
            "product_id": product_id(number, place),
            "name": name,
            "product_category": shelf.category,
            "department": shelf.department,
            "product_type": f"{shelf.category or 'THING'} {place}",
            "in_catalogue": product_id(number, place) != DELISTED,
            "stock": {_SOLD_OUT: 0, _FEW_LEFT: 12}.get(place),
        }
        for number, shelf in enumerate(SHELVES)
        for place, name in enumerate(shelf.names)
    ]
    return pl.DataFrame([*rows, {**rows[0], "product_id": NEVER_SOLD, "name": "Not yet sold 新品"}])
