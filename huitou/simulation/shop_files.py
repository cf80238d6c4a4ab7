"""The shop's history as files, the way a shop exports it, and what it states about itself."""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from features.assumptions import FILE, load_assumptions
from features.decisions.policy import FILE as POLICY_FILE
from features.decisions.policy import DecisionPolicy, load_policy
from features.sources.tabular.shop_assumptions import install_shop_assumptions
from huitou.simulation.messages import SENDING_HOUR, Messages, OrderLine
from training.simulation.world import WEEK, Happened, World

_TRIAL = ("customer_id", "sent_at", "offer_id", "offer_type", "channel", "discount_share", "sent", "chance")


def write_history(world: World, days: Iterable[Happened], folder: Path) -> dict[str, Path]:
    """Write orders.csv, products.csv, events.jsonl and trials.csv.

    Args:
        world: whose.
        days: of the history, in their order; read once.
        folder: made if it is missing.

    Returns:
        Kind → file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = {"orders": folder / "orders.csv", "products": folder / "products.csv", "events": folder / "events.jsonl"}
    paths["trials"] = folder / "trials.csv"
    messages = Messages(world)
    with (
        paths["orders"].open("w", encoding="utf-8", newline="") as orders,
        paths["events"].open("w", encoding="utf-8") as events,
        paths["trials"].open("w", encoding="utf-8", newline="") as trials,
    ):
        rows = csv.DictWriter(orders, [field.name for field in fields(OrderLine)])
        rows.writeheader()
        lots = csv.DictWriter(trials, _TRIAL)
        lots.writeheader()
        left = set[int]()
        for happened in days:
            lots.writerows(_lots(world, happened, left))
            left.update(happened.unsubscribed.tolist())
            rows.writerows(asdict(line) for line in messages.order_lines(happened))
            events.writelines(json.dumps(message) + "\n" for message in messages.others(happened))
    with paths["products"].open("w", encoding="utf-8", newline="") as products:
        named = csv.DictWriter(products, ["product_id", "name", "category", "department"])
        named.writeheader()
        named.writerows(
            {"product_id": p["product_id"], "name": p["name"], "category": p["product_category"], "department": p["department"]}
            for p in product_documents(world)
        )
    return paths


def _lots(world: World, happened: Happened, left: set[int]) -> Iterator[dict[str, Any]]:
    """What the shop noted of a day on which it dealt coupons by lot: who was sent one, and of the others that they might have been."""
    history, offers = world.parameters.history, world.offers.found
    coupons = [number for number, offer in enumerate(offers) if offer.kind == "coupon"]
    week, day = divmod(happened.day, WEEK)
    if day or not coupons or week >= history.weeks or week % history.content_every_weeks == 0:
        return
    messages, each = Messages(world), history.coupon_share / len(coupons)
    sent = dict(happened.sent.tolist())
    for customer in np.flatnonzero(world.people.arrives <= happened.day).tolist():
        for number in [sent[customer]] if customer in sent else [] if customer in left else coupons:
            yield {
                "customer_id": messages.customer(customer),
                "sent_at": messages.moment(happened.day, SENDING_HOUR).isoformat(),
                "offer_id": offers[number].id,
                "offer_type": offers[number].kind,
                "channel": world.parameters.messages.channel,
                "discount_share": offers[number].discount,
                "sent": int(customer in sent),
                "chance": each / (each + 1 - history.coupon_share),
            }


def product_documents(world: World) -> Iterator[dict[str, str]]:
    """The catalogue, as it is fed; each category is a department of its own, since margins are by department."""
    messages = Messages(world)
    for number, category in enumerate(world.category_of.tolist()):
        name = world.parameters.categories[category].name
        product = messages.product(number)
        yield {"product_id": product, "name": product.replace("_", " ").replace("-", " "), "product_category": name, "department": name}


def write_assumptions(world: World, data_dir: Path) -> None:
    """Say what the shop knows of its margins and costs: the truth, since every shop knows these; the rest as shipped for imported files."""
    channel = world.parameters.messages.channel
    install_shop_assumptions(data_dir, world.parameters.currency, [channel])
    path = data_dir / FILE
    said = tomllib.loads(path.read_text(encoding="utf-8"))
    said["name"], said["note"] = f"simulated-{world.parameters.name}", "Margins and costs of a made-up shop."
    said["margins"]["departments"] = {category.name: category.margin for category in world.parameters.categories}
    said["contacts"]["cost"][channel] = world.parameters.messages.cost
    for offer in world.parameters.offers:
        if offer.kind in {"winback", "bundle"}:
            said["offers"][f"{offer.kind}_discount"] = offer.discount
    path.write_text(tomli_w.dumps(said), encoding="utf-8")
    load_assumptions(path)


def write_policy(policy: DecisionPolicy, data_dir: Path) -> None:
    """Write policy.toml; what is None is left out, since TOML has no word for it."""
    path = data_dir / POLICY_FILE
    path.write_text(tomli_w.dumps(policy.model_dump(mode="json", exclude_none=True)), encoding="utf-8")
    load_policy(path)


def offer_documents(world: World, day: int) -> list[dict[str, Any]]:
    """The world's offers as the shop feeds them on a day: an offer names products that are in stock, a set one of each category.

    One whose category is sold out stays as it was fed before.
    """
    messages, stocked = Messages(world), world.surroundings.stocked[day]
    documents = []
    for number, offer in enumerate(world.parameters.offers):
        targets: list[int] = np.flatnonzero(world.offers.targets[number]).tolist() if offer.categories else []
        there = [np.flatnonzero((world.category_of == category) & stocked).tolist() for category in targets]
        if not all(there):
            continue
        products = [messages.product(p) for part in there for p in (part[:1] if offer.kind == "bundle" else part)]
        said = {"offer_id": offer.id, "type": offer.kind, "title": {"en": offer.id.replace("_", " ")}, "product_ids": products}
        if offer.kind == "content":
            said["url"] = f"https://shop.example/{offer.id}"
        documents.append(said | {"channels": [world.parameters.messages.channel], "discount_share": offer.discount})
    return documents
