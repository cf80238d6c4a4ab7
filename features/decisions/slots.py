"""Which of the drawn offers fit into the answer: none below the line of silence, no product twice, no more than were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from features.decisions.record import NO_ACTION, Considered, Holdout
from features.decisions.slate import Slate

STEP = "arbitrate"
_HELD = (
    "Belongs to the share of customers that is sent nothing, so that the effect can be measured",
    "属于不发送任何内容的对照组,用于衡量效果",
)


@dataclass(frozen=True)
class Unchosen:
    """An offer that found no slot.

    Attributes:
        place: in the list of what was considered.
        code: stable name of the rule.
        sentence_en, sentence_zh: for the marketer.
    """

    place: int
    code: str
    sentence_en: str
    sentence_zh: str


def fill_slots(considered: Sequence[Considered] | Slate, order: Sequence[int], *, limit: int) -> list[int]:
    """Fill the slots.

    Args:
        considered: `no_action` among them.
        order: their places as drawn, first slot first.
        limit: most offers in the answer.

    Returns:
        Places of the offers given, first slot first, ending with `no_action` when it comes before the limit. What was drawn first is always
        given first, so that its propensity holds.
    """
    slate = Slate.of(considered)
    given: list[int] = []
    taken: set[str] = set()
    for place in order:
        if len(given) >= limit:
            break
        products = slate.product_ids[place]
        if taken.isdisjoint(products):
            given.append(place)
            taken.update(products)
        if slate.types[place] == NO_ACTION:
            break
    return given


def unchosen(
    considered: Sequence[Considered] | Slate, order: Sequence[int], given: Sequence[int], *, limit: int, holdout: Holdout | None = None
) -> list[Unchosen]:
    """What found no slot, and why, in the order drawn.

    Args:
        considered: as `fill_slots`.
        order: the same.
        given: what it returned.
        limit: as it was given.
        holdout: of the customer.
    """
    slate = Slate.of(considered)
    found: list[Unchosen] = []
    taken: set[str] = set()
    silent = False
    for place in order:
        if place in given:
            taken.update(slate.product_ids[place])
        else:
            products = slate.product_ids[place]
            reason = _silent(holdout) if silent else _twice(products, taken) or _full(limit)
            found.append(Unchosen(place, *reason))
        silent = silent or slate.types[place] == NO_ACTION
    return found


def _silent(holdout: Holdout | None) -> tuple[str, str, str]:
    if holdout is Holdout.UNIVERSAL:
        return "holdout", *_HELD
    return "worth_no_more_than_silence", "Not expected to bring more than sending nothing", "预期收益不高于不发送"


def _full(limit: int) -> tuple[str, str, str]:
    return "beyond_limit", f"More than {limit} offers", f"超过 {limit} 个优惠"


def _twice(products: Sequence[str], taken: set[str]) -> tuple[str, str, str] | None:
    twice = ", ".join(sorted(taken.intersection(products)))
    return ("product_already_offered", f"In an offer before it: {twice}", f"已在前一优惠中:{twice}") if twice else None
