"""What is worth sending: the offers in order, with their worth and their reasons, and what was not offered and why."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import RenderableType
from rich.text import Text

from huitou.explanation.explanation import Explanation
from huitou.explanation.layout import heading, indented, pairs, section, table
from huitou.explanation.words import UNKNOWN, Words, number, percent
from serving.api.next_best_offers_schemas import DroppedView, OfferView

_EXAMPLES = 3


def offers(e: Explanation, words: Words) -> list[RenderableType]:
    """The section."""
    shown = table("", words("worth", currency=e.foundation.currency), words("response"), words("offer"), right=(0, 1, 2), wide=(3,))
    for place, offer in enumerate(e.offers.offers, start=1):
        response = percent(offer.probability) if offer.items or offer.margin else UNKNOWN
        shown.add_row(str(place), number(float(offer.expected_value), digits=2), response, _told(offer, words))
    parts = [*section(words("offers")), *_channels(e, words), indented(shown)]
    if e.offers.dropped:
        parts += [heading(words("dropped")), indented(pairs(list(_dropped(e, words))))]
    return [*parts, Text(f"\n{words('value_basis')}", style="dim")]


def _channels(e: Explanation, words: Words) -> list[RenderableType]:
    """Where it may be sent; what may not be is said plainly, with the remedy."""
    allowed, channel, file = e.offers.allowed_channels, e.offers.channel, e.foundation.assumptions_file
    if not allowed:
        return [Text(words("no_consent", file=file), style="bold red")]
    names = ", ".join(allowed)
    if channel is None:
        return [Text(words("channel_open", allowed=names), style="dim")]
    if channel not in allowed:
        return [Text(words("channel_refused", channel=channel, allowed=names, file=file), style="bold red")]
    return [Text(words("channel", channel=channel), style="dim")]


def _told(offer: OfferView, words: Words) -> Text:
    items = ", ".join(item.name for item in offer.items)
    told = Text.assemble((words.of("type", offer.type), "bold"), *([": ", items] if items else []))
    for reason in offer.reasons:
        told.append(f"\n{words.pick(reason.sentence_en, reason.sentence_zh)}", style="dim")
    return told


def _dropped(e: Explanation, words: Words) -> Iterable[tuple[str, RenderableType]]:
    """One row a rule, in the order of the rules' first use: how many fell to it, and the first few by name."""
    by_rule: dict[str, list[DroppedView]] = {}
    for dropped in e.offers.dropped:
        by_rule.setdefault(dropped.code, []).append(dropped)
    for code, fallen in by_rule.items():
        names = ", ".join(one.offer_id for one in fallen[:_EXAMPLES]) + (", ..." if len(fallen) > _EXAMPLES else "")
        yield f"{len(fallen)}", Text.assemble(words.of("dropped", code, limit=e.offers.limit), (f": {names}", "dim"))
