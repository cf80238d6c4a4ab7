"""What a file may hold: for each kind, its fields, how they are parsed, and the names shops give them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from features.sources.tabular import shop_names as names

FieldType = Literal["id", "text", "time", "number", "flag"]


@dataclass(frozen=True)
class Field:
    """One thing a row can say.

    Attributes:
        name: our name of it.
        type: how its text is parsed.
        names: other names for it, lower case without blanks and signs, in English and Chinese.
        required: the file must have a column for it.
        filled: every row must have a value.
        least: smallest allowed number, or None.
    """

    name: str
    type: FieldType
    names: tuple[str, ...] = ()
    required: bool = False
    filled: bool = False
    least: float | None = None


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: as in `--orders`, and the part's name in the mapping file.
        fields: what its rows can say.
        any_of: groups of fields of which at least one needs a column.
        key: fields that say which thing a row is about: of two files that speak of the same thing, the newer one is believed.
    """

    name: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    any_of: tuple[tuple[str, ...], ...] = ()

    def field(self, name: str) -> Field:
        """The field of that name."""
        return next(field for field in self.fields if field.name == name)


def _customer(*, filled: bool, required: bool = True) -> Field:
    return Field("customer_id", "id", names.CUSTOMER + names.CUSTOMER_ZH + names.CONTACT, required=required, filled=filled)


def _product(*, filled: bool, required: bool = False) -> Field:
    return Field("product_id", "id", names.PRODUCT + names.PRODUCT_ZH, required=required, filled=filled)


def _time(name: str, *own: str, required: bool = True) -> Field:
    return Field(name, "time", (*own, *names.TIME, *names.TIME_ZH), required=required, filled=required)


_PRODUCT_FACTS = (
    Field(
        "product_category",
        "text",
        (
            "category",
            "categoryname",
            "categoryid",
            "subcategory",
            "类目",
            "品类",
            "商品类目",
            "分类",
            "商品分类",
            "宝贝类目",
            "kategorie",
            "warengruppe",
        ),
    ),
    Field("department", "text", ("dept", "division", "部门", "一级类目", "大类")),
    Field("brand", "text", ("brandname", "品牌", "vendor", "lineitemvendor", "manufacturer", "marke")),
)

ORDERS = Kind(
    "orders",
    (
        Field("order_id", "id", names.ORDER_ID),
        _customer(filled=False),
        _time("ordered_at", *names.ORDERED_AT),
        _product(filled=False),
        Field("product_name", "text", (*names.PRODUCT_NAME, "name")),
        *_PRODUCT_FACTS,
        Field("quantity", "number", names.QUANTITY),
        Field("amount", "number", names.AMOUNT + names.ORDER_TOTAL),  # negative: a refund
        Field("unit_price", "number", names.UNIT_PRICE, least=0),
        Field("discount", "number", ("discountamount", "retaildisc", "rabatt", "折扣", "优惠", "优惠金额"), least=0),
        Field("coupon_discount", "number", ("coupondisc", "couponamount", "voucher", "优惠券", "优惠券金额"), least=0),
        Field("store_id", "id", names.STORE),
    ),
    key=("order_id", "product_id"),
)

CUSTOMERS = Kind(
    "customers",
    (
        _customer(filled=True),
        Field("age_band", "text", ("age", "agegroup", "agerange", "年龄", "年龄段")),
        Field("income_band", "text", ("income", "incomegroup", "incomerange", "收入")),
        Field("home_ownership", "text", ("homeowner", "homeownerdesc", "住房")),
        Field("marital_status", "text", ("maritalstatuscode", "married", "婚姻", "婚姻状况")),
        Field("household_size", "text", ("householdsizedesc", "familysize", "家庭人数")),
        Field("household_composition", "text", ("householdcomp", "hhcompdesc", "家庭构成")),
        Field("children", "text", ("kids", "kidscount", "numberofchildren", "kidcategorydesc", "子女", "孩子")),
        Field("birthday", "text", ("birthdate", "dateofbirth", "dob", "bday", "geburtstag", "生日", "出生日期")),
        Field("timezone", "text", ("tz", "zeitzone", "时区")),
        Field("locale", "text", ("language", "lang", "sprache", "语言")),
    ),
    key=("customer_id",),
)

PRODUCTS = Kind(
    "products",
    (
        _product(filled=True, required=True),
        Field("name", "text", ("productname", *names.PRODUCT_NAME, "label", "名称")),
        *_PRODUCT_FACTS,
        Field("product_type", "text", ("type", "commodity", "商品类型")),
        Field("package_size", "text", ("size", "pack", "packsize", "规格", "包装")),
        Field("in_catalogue", "flag", ("active", "listed", "published", "onsale", "available", "上架", "是否上架")),
        Field(
            "stock",
            "number",
            ("inventory", "variantinventoryqty", "stockquantity", "lagerbestand", "onhand", "stocklevel", "库存", "库存数量"),
            least=0,
        ),
    ),
    key=("product_id",),
)

CONTACTS = Kind(
    "contacts",
    (
        Field("contact_id", "id", ("messageid", "mailingid", "sendid", "触达id", "消息id")),
        _customer(filled=True),
        _time("sent_at", "sent", "sendtime", "senddate", "contactedat", "发送时间", "触达时间"),
        Field("offer_id", "id", ("offer", "campaign", "campaignid", "活动", "活动id")),
        Field("channel", "text", ("medium", "渠道", "触达渠道")),
    ),
    key=("contact_id",),
)

OFFERS = Kind(
    "offers",
    (
        Field("offer_id", "id", ("offer", "campaign", "campaignid", "活动id", "活动"), required=True, filled=True),
        Field("type", "text", ("offertype", "campaigntype", "类型", "活动类型")),
        Field("label", "text", ("name", "title", "description", "名称", "活动名称")),
        Field("starts_at", "time", ("start", "startdate", "begin", "validfrom", "开始时间", "开始日期"), required=True, filled=True),
        Field(
            "ends_at", "time", ("end", "enddate", "expires", "validuntil", "validto", "结束时间", "结束日期"), required=True, filled=True
        ),
    ),
    key=("offer_id",),
)

OFFER_ITEMS = Kind(
    "offer_items",
    (
        Field("offer_id", "id", ("offer", "campaign", "campaignid", "活动id"), required=True, filled=True),
        Field("coupon_id", "id", ("coupon", "couponupc", "couponcode", "优惠券id", "券码")),
        _product(filled=True, required=True),
    ),
    key=("offer_id", "coupon_id", "product_id"),
)

REDEMPTIONS = Kind(
    "redemptions",
    (
        Field("redemption_id", "id", ("核销id",)),
        _customer(filled=True),
        _time("redeemed_at", "redemptiondate", "redeemed", "usedat", "核销时间", "使用时间"),
        Field("offer_id", "id", ("offer", "campaign", "campaignid", "活动id")),
        Field("coupon_id", "id", ("coupon", "couponupc", "couponcode", "优惠券id", "券码")),
    ),
    key=("redemption_id",),
)

BUNDLES = Kind(
    "bundles",
    (
        Field("bundle_id", "id", ("bundle", "setid", "set", "packageid", "套装", "套装id", "组合id"), required=True, filled=True),
        _product(filled=True, required=True),
        Field("label", "text", ("name", "bundlename", "title", "名称", "套装名称")),
    ),
    key=("bundle_id", "product_id"),
)

INTERACTIONS = Kind(
    "interactions",
    (
        _customer(filled=True),
        _product(filled=False),
        Field("bundle_id", "id", ("bundle", "setid", "set", "套装", "套装id")),
        Field("type", "text", ("event", "eventtype", "action", "behavior", "behaviour", "行为", "行为类型", "事件")),
        _time("occurred_at", "eventtime", "clickedat", "viewedat", "行为时间", required=False),
    ),
    key=("customer_id", "type", "product_id", "bundle_id", "occurred_at"),
    any_of=(("product_id", "bundle_id"),),
)

EXPERIMENTS = Kind(
    "experiments",
    (
        Field("experiment_id", "id", ("experiment", "test", "testid", "实验", "实验id")),
        _customer(filled=True, required=False),
        Field("treatment", "text", ("segment", "group", "arm", "variant", "treatmentgroup", "分组", "实验组"), required=True, filled=True),
        _time("assigned_at", "assigned", "sentat", "分组时间", required=False),
        Field("visited", "flag", ("visit", "visits", "click", "clicked", "访问")),
        Field("converted", "flag", ("conversion", "purchase", "purchased", "bought", "转化", "购买")),
        Field("spend", "number", ("amount", "revenue", "sales", "金额", "消费"), least=0),
    ),
    key=("experiment_id", "customer_id"),
    any_of=(("visited", "converted", "spend"),),
)

TRIALS = Kind(
    "trials",
    (
        _customer(filled=True),
        _time("sent_at", "sendtime", "senddate", "contactedat", "assignedat", "发送时间", "触达时间"),
        Field("offer_id", "id", ("offer", "campaign", "campaignid", "活动", "活动id"), required=True, filled=True),
        Field("offer_type", "text", ("type", "campaigntype", "类型", "活动类型"), required=True, filled=True),
        Field("product_category", "text", ("category", "品类", "类目")),
        Field("channel", "text", ("medium", "渠道", "触达渠道")),
        Field("discount_share", "number", ("discount", "折扣"), least=0),
        Field("sent", "flag", ("treated", "treatment", "group", "received", "是否发送", "实验组"), required=True, filled=True),
        Field("chance", "number", ("propensity", "probability", "share", "发送概率", "概率"), required=True, filled=True, least=0),
    ),
    key=("customer_id", "sent_at", "offer_id"),
)

KINDS: tuple[Kind, ...] = (
    ORDERS, CUSTOMERS, PRODUCTS, CONTACTS, OFFERS, OFFER_ITEMS, REDEMPTIONS, BUNDLES, INTERACTIONS, EXPERIMENTS, TRIALS,
)  # fmt: skip


def kind(name: str) -> Kind:
    """The kind of that name."""
    return next(k for k in KINDS if k.name == name)
