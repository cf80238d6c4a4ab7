"""Which of the drawn offers fit into the answer: none below the line of silence, no product twice, no more than were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from features.decisions.record import NO_ACTION, Considered, Holdout

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


def fill_slots(
    considered: Sequence[Considered], order: Sequence[int], *, limit: int, holdout: Holdout | None = None
) -> tuple[list[int], list[Unchosen]]:
    """Fill the slots.

    Args:
        considered: `no_action` among them.
        order: their places as drawn, first slot first.
        limit: most offers in the answer.
        holdout: of the customer.

    Returns:
        Places of the offers given, first slot first, ending with `no_action` when it comes before the limit; and what found no slot. What
        was drawn first is always given first, so that its propensity holds.
    """
    given: list[int] = []
    unchosen: list[Unchosen] = []
    taken: set[str] = set()
    silent = False
    for place in order:
        one = considered[place]
        reason = _silent(holdout) if silent else _full(one, taken, limit) if len(given) >= limit else _twice(one, taken)
        if reason is None:
            given.append(place)
            taken.update(one.product_ids)
        else:
            unchosen.append(Unchosen(place, *reason))
        silent = silent or one.type == NO_ACTION
    return given, unchosen


def _silent(holdout: Holdout | None) -> tuple[str, str, str]:
    if holdout is Holdout.UNIVERSAL:
        return "holdout", *_HELD
    return "worth_no_more_than_silence", "Not expected to bring more than sending nothing", "预期收益不高于不发送"


def _full(one: Considered, taken: set[str], limit: int) -> tuple[str, str, str]:
    return _twice(one, taken) or ("beyond_limit", f"More than {limit} offers", f"超过 {limit} 个优惠")


def _twice(one: Considered, taken: set[str]) -> tuple[str, str, str] | None:
    twice = ", ".join(sorted(taken.intersection(one.product_ids)))
    return ("product_already_offered", f"In an offer before it: {twice}", f"已在前一优惠中:{twice}") if twice else None
