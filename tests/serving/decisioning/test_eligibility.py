from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from serving.catalogue import Catalogue
from serving.customer_context import CustomerContext
from serving.decisioning.applicability import applicable
from serving.decisioning.eligibility import Dropped, eligible
from serving.offers.no_action import NoAction
from serving.offers.protocol import Candidate, OfferItem
from tests.contracts.offer_suite import MakeContext
from tests.serving.small_shop import AS_OF, INACTIVE, OUT_OF_STOCK


def sifted_all(candidates: list[Candidate], context: CustomerContext) -> tuple[list[Candidate], list[Dropped]]:
    """Lawful and sensible."""
    lawful, unlawful = eligible(candidates, context)
    kept, senseless = applicable(lawful, context)
    return kept, [*unlawful, *senseless]


def offer(*products: str, kind: str = "item", valid_days: int = 1, channels: tuple[str, ...] = ("email", "app")) -> Candidate:
    items = tuple(OfferItem(p, p, 0.5) for p in products)
    return Candidate(f"{kind}:1", kind, items, 0.5, 1.0, (), AS_OF + timedelta(days=valid_days), channels)


@pytest.mark.parametrize(
    ("candidate", "given", "code"),
    [
        (replace(offer("p00"), margin=float("nan")), {}, "no_number"),
        (replace(offer("p00"), margin=float("inf")), {}, "no_number"),
        (offer("p00", OUT_OF_STOCK), {}, "out_of_stock"),
        (offer("p00", INACTIVE), {}, "inactive"),
        (offer("not-in-the-shop"), {}, "inactive"),
        (offer("p00", valid_days=-1), {}, "ended"),
        (offer("p00"), {"channel": "mail"}, "channel_not_consented"),
        (offer("p00", channels=()), {}, "channel_not_consented"),
        (offer("p00", "p01"), {"cart": ("p01",)}, "in_cart"),
        (offer("p00", "p01", kind="bundle"), {"cart": ("p01", "p00")}, "in_cart"),
    ],
)
def test_each_rule_drops_and_names_itself(candidate: Candidate, given: dict[str, object], code: str, context_of: MakeContext) -> None:
    kept, dropped = sifted_all([candidate], context_of("c000", **given))
    assert not kept
    assert [(d.step, d.code, bool(d.sentence_en), bool(d.sentence_zh)) for d in dropped] == [
        ("applicable" if code == "in_cart" else "eligible", code, True, True)
    ]


@pytest.mark.parametrize(
    ("candidate", "given"),
    [
        (offer("p00"), {"channel": "email"}),
        (offer("p00", valid_days=0), {}),
        (offer("p00", "p01", kind="bundle"), {"cart": ("p01",)}),  # completes the cart
        (offer(kind="winback"), {"cart": ("p01",)}),
    ],
)
def test_what_breaks_no_rule_is_kept(candidate: Candidate, given: dict[str, object], context_of: MakeContext) -> None:
    assert sifted_all([candidate], context_of("c000", **given)) == ([candidate], [])


def test_doing_nothing_is_always_lawful(context_of: MakeContext) -> None:
    context = context_of("c000", channel="mail")
    assumptions = context.live.catalogue.assumptions
    nobody = assumptions.model_copy(update={"consent": assumptions.consent.model_copy(update={"channels": []})})
    context = replace(context, live=replace(context.live, catalogue=Catalogue(context.live.catalogue.products, nobody)))
    silence = NoAction().candidates(context)
    assert eligible([*silence, offer("p00", channels=())], context)[0] == silence


def test_what_was_just_bought_is_not_offered_again(context_of: MakeContext) -> None:
    context = context_of("c000")
    assert context.customer is not None
    recent = context.customer.recent
    product = str(recent.product_ids[0])

    age = float(recent.days_since_last[0])
    limit = context.live.catalogue.assumptions.catalogue.just_bought_days
    assert limit > 0
    later = replace(context, now=context.customer.as_of + timedelta(days=max(0.0, limit - age) + 0.01))
    assert product not in later.just_bought
    bought = replace(context, customer=replace(context.customer, recent=replace(recent, days_since_last=recent.days_since_last * 0)))
    assert product in bought.just_bought
    assert bought.live.catalogue.offerable(product)
    for kind in ("item", "bundle", "replenishment"):
        kept, dropped = sifted_all([offer(product, kind=kind)], bought)
        assert not kept
        assert [d.code for d in dropped] == ["just_bought"]
    assert product not in {item.product_id for item in bought.likings.best_items(40)}
    assert bought.bundle_mask is not None
    assert not bought.bundle_mask[bought.live.models.bundles.table.product_ids == product].any()  # type: ignore[union-attr]
    # Another product of the same category fills the same need, but may be liked beside it.
    category = bought.live.catalogue.category_of(product)
    others = [
        p.product_id for p in bought.live.catalogue.products.products if p.category == category and p.product_id not in bought.just_bought
    ]
    for other in others[:1]:
        assert [d.code for d in sifted_all([offer(other, kind="replenishment")], bought)[1]] == ["just_bought"]
        assert sifted_all([offer(other)], bought)[0]
