"""What shops, tills and shop systems (Shopify, WooCommerce, Magento, Taobao, 有赞, 微店) call their columns; the likelier name first.

Lower case, without blanks and signs, in English, Chinese and German.
"""

from __future__ import annotations


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


CUSTOMER = _names("""
    customer customerno customernumber userid user memberid clientid householdid cardno cardnumber
    buyerid buyer accountid shopperid kundennummer kundennr kundenid kunde
""")
CUSTOMER_ZH = _names("""
    客户 客户id 客户编号 会员 会员id 会员号 会员编号 用户id 顾客id 买家id 顾客编号 用户编号
""")
# Who bought, where a system exports no number: tried last.
CONTACT = _names("""
    customeremail email emailaddress emailbilling billingemail buyeremail 买家会员名 买家昵称 买家账号 买家 会员名 会员名称
    会员卡号 用户名 openid 买家手机号 买家手机 下单人手机号 客户手机号 会员手机号 手机号 手机号码 手机 收货人手机号提货人手机号
    收货人手机号 收货人手机 联系手机 联系电话 phone
    billingphone phonebilling
""")
PRODUCT = _names("""
    product productcode productno sku skuid itemid item stockcode articleid articleno upc ean
    lineitemsku itemsku productsku variantsku lineitemproductid variantid asin plu barcode artikelnummer
    artikelnr artikel
""")
PRODUCT_ZH = _names("""
    商品id 商品编号 商品编码 产品编号 货号 条码 商品 产品id 宝贝id 商家编码 规格编码 sku编码 商品货号 外部系统编号 商品条码 款号
""")
TIME = _names("""
    orderdate ordertime date datetime time timestamp invoicedate purchasedate transactiondate
""")
TIME_ZH = _names("""
    下单时间 订单时间 付款时间 支付时间 成交时间 日期 时间 订单日期 购买时间
""")
PRODUCT_NAME = _names("""
    itemname description title productdescription 商品名称 产品名称 品名 商品标题 宝贝标题 lineitemname lineitemtitle
    producttitle itemtitle artikelname artikelbezeichnung bezeichnung 标题 商品名 宝贝名称
""")
ORDER_ID = _names("""
    order orderno ordernumber invoiceno invoice invoiceid basketid transactionid receiptid receiptno 订单号
    订单编号 订单id 交易号 小票号 主订单编号 父订单号 销售单号 交易单号 流水号 单号 incrementid orderref orderreference ordername
    receipt
    receiptnumber ticketno ticketnumber basket bestellnummer bestellnr auftragsnummer rechnungsnummer
    belegnummer bonnummer
""")
QUANTITY = _names("""
    qty units count numberofunits numberofcds 数量 件数 购买数量 lineitemquantity itemquantity productquantity
    quantityrefund quantityordered qtyordered quantitysold menge anzahl 商品数量 宝贝数量 销售数量 下单数量
""")
UNIT_PRICE = _names("""
    price unitcost priceperunit 单价 价格 售价 lineitemprice itemprice itemcost productprice einzelpreis preis
    stückpreis 商品单价 商品价格 宝贝价格 销售价
""")
STORE = _names("""
    store shop shopid branch outlet 门店 店铺 门店id 门店编号 门店名称 店铺名称 location filiale
""")
ORDERED_AT = _names("""
    createdat ordercreatedat datecreated createdon purchasedon purchasedat processedat paidat datepaid
    paiddate orderedon bestelldatum bestellzeit kaufdatum datum 订单创建时间 创建时间 下单日期 订单付款时间 买家付款时间 交易时间
    销售时间
    消费时间 成交日期
""")
AMOUNT = _names("""
    lineamount linetotal lineitemtotal rowtotal itemtotal itemsubtotal salesvalue 商品实际成交金额 商品实付金额 商品金额
    商品总价 小计 sales revenue dollarvalue value paid 金额 实付金额 支付金额 实付 成交金额 买家实际支付金额 买家实付金额 实收金额
    umsatz betrag
    gesamtpreis netamount
""")
# These mostly speak of the whole order (see order_totals): tried after the amounts of lines.
ORDER_TOTAL = _names("""
    total ordertotal ordertotalamount grandtotal 总金额 订单实付金额 订单金额 订单总价
""")
