"""The explanation as one page for a terminal: its parts in the order a marketer asks."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from huitou.explanation.churn import churn
from huitou.explanation.explanation import Explanation
from huitou.explanation.layout import pairs, section
from huitou.explanation.needs import needs
from huitou.explanation.offers import offers
from huitou.explanation.portrait import portrait
from huitou.explanation.words import Words, date, number

_SAME_DAY = 0.05  # days: beneath it an age would print as 0.0


def page(explanation: Explanation, words: Words) -> Group:
    """Everything, top to bottom."""
    return Group(
        *_header(explanation, words),
        *portrait(explanation, words),
        *churn(explanation, words),
        *needs(explanation, words),
        *offers(explanation, words),
        *_foundation(explanation, words),
    )


def _header(e: Explanation, words: Words) -> list[RenderableType]:
    fresh = words("up_to_date") if e.age_days < _SAME_DAY else words("fresh", days=number(e.age_days, digits=1), now=date(e.now))
    title = Text.assemble(
        (words("customer", id=e.customer_id), "bold"),
        "  ",
        (", ".join(_segments(e, words)), "bold cyan"),
        "  ",
        (f"{words('as_of', date=date(e.as_of))}, {fresh}", "dim"),
    )
    kind = "degraded" if e.degraded else "note"
    return [title, *(Text(words(kind, reason=problem.reason), style="yellow") for problem in e.problems)]


def _segments(e: Explanation, words: Words) -> list[str]:
    layer = e.portrait.layer
    return [words.of("stage", e.portrait.stage), *([] if layer is None else [words.of("layer", layer)])]


def _foundation(e: Explanation, words: Words) -> list[RenderableType]:
    f = e.foundation
    versions = ", ".join(f"{name} {version}" for name, version in f.model_versions.items())
    told = words("assumptions.value", version=f.assumptions, file=f.assumptions_file, note=f.assumptions_note)
    rows = [
        (words("models"), Text(versions or words("no_models"))),
        (words("policy"), Text(e.offers.policy_version)),
        (words("assumptions"), Text(told)),
    ]
    return [*section(words("foundation")), pairs(rows)]
