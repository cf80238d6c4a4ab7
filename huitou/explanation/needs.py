"""What the customer will need next: categories that are due, with their dates, and the likeliest of the others."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from huitou.explanation.explanation import ExpectedNeed, Explanation
from huitou.explanation.layout import heading, indented, section, table
from huitou.explanation.words import UNKNOWN, Words, date, number, percent

_SHOWN = 10  # a screen; a regular household has up to sixty categories due within 28 days
MODEL = "repurchase"


def needs(e: Explanation, words: Words) -> list[RenderableType]:
    """The section."""
    parts = section(words("needs"))
    if MODEL not in e.foundation.model_versions:
        return [*parts, Text(words("no_repurchase"))]
    if e.due:
        parts += [heading(words("due")), indented(_table(e.due[:_SHOWN], words))]
        if len(e.due) > _SHOWN:
            parts.append(indented(Text(words("and_more_due", n=len(e.due) - _SHOWN), style="dim")))
    else:
        parts.append(Text(words("nothing_due")))
    if e.likely:
        parts += [heading(words("likely")), indented(_table(e.likely, words))]
    return parts


def _table(needs: Sequence[ExpectedNeed], words: Words) -> RenderableType:
    dated = any(need.due_date is not None for need in needs)
    heads = [words("due_date")] if dated else []
    right = (1, 2) if dated else (0, 1)
    wide = (3, 4) if dated else (2, 3)
    shown = table(*heads, words("within_28"), words("quantity"), words("category"), words("product"), right=right, wide=wide)
    for need in needs:
        shown.add_row(
            *([date(need.due_date)] if dated else []),
            percent(need.probability_28d),
            number(need.usual_quantity, digits=1),
            Text(need.category),
            Text(need.product_name or UNKNOWN),
        )
    return shown
