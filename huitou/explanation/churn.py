"""How likely the customer is to stay away: at the horizons, as a curve, with the expected next order and the causes."""

from __future__ import annotations

from datetime import timedelta

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from huitou.explanation.explanation import Explanation
from huitou.explanation.layout import heading, indented, section, table
from huitou.explanation.survival_plot import SurvivalPlot, charset_for
from huitou.explanation.words import Words, date, percent


def churn(e: Explanation, words: Words) -> list[RenderableType]:
    """The section."""
    title = section(words("churn"))
    if e.churn.undefined is not None:
        return [*title, Text(words("never_ordered")), *([indented(_channel(e, words))] if e.churn.at_horizons else [])]
    if not e.churn.at_horizons:
        return [*title, Text(words("no_churn"))]
    expected = e.churn.expected_next_order_date
    sentence = words("not_expected") if expected is None else words("expected", date=date(expected))
    parts = [*title, indented(_horizons(e, words)), Text(f"\n{sentence}"), *_interval(e, words)]
    if any(entry.beyond_history for entry in e.churn.at_horizons):
        parts.append(Text(words("tail.meaning"), style="dim"))
    curve: list[RenderableType] = [heading(words("survival", date=date(e.as_of))), indented(_plot(e)), indented(_Legend(e, words))]
    return [*parts, *curve, heading(words("reasons")), indented(_reasons(e, words))]


def _interval(e: Explanation, words: Words) -> list[RenderableType]:
    low, high = e.churn.next_order_date_low, e.churn.next_order_date_high
    if low is None:
        return []
    return [Text(words("expected.after", low=date(low)) if high is None else words("expected.between", low=date(low), high=date(high)))]


def _channel(e: Explanation, words: Words) -> RenderableType:
    shown = table(words("within"), words("leaves_channel"), right=(0, 1))
    for entry in e.churn.at_horizons:
        shown.add_row(words("days", n=entry.horizon_days), percent(entry.channel_churn_probability))
    return shown


def _horizons(e: Explanation, words: Words) -> RenderableType:
    beyond = any(entry.beyond_history for entry in e.churn.at_horizons)
    channel = any(entry.channel_churn_probability is not None for entry in e.churn.at_horizons)
    heads = [words("horizon"), words("probability"), words("riskier_than")]
    heads += [*([words("leaves_channel")] if channel else []), *([words("tail")] if beyond else [])]
    shown = table(*heads, right=(0, 1, 2, *((3,) if channel else ())))
    for entry in e.churn.at_horizons:
        cells = [words("days", n=entry.horizon_days), percent(entry.churn_probability), _share(entry.percentile)]
        if channel:
            leaves = entry.channel_churn_probability
            cells.append("" if leaves is None else percent(leaves))
        shown.add_row(*cells, *([words("tail.yes") if entry.beyond_history else ""] if beyond else []))
    return shown


def _share(percentile: float | None) -> str:
    return percent(None if percentile is None else percentile / 100, digits=0)


def _expected_days(e: Explanation) -> float | None:
    expected = e.churn.expected_next_order_date
    return None if expected is None else (expected - e.as_of) / timedelta(days=1)


def _plot(e: Explanation) -> RenderableType:
    return SurvivalPlot([point.probability for point in e.churn.survival], e.as_of, _expected_days(e))


class _Legend:
    """What the mark means; drawn when the output, and with it the mark's character, is known."""

    def __init__(self, e: Explanation, words: Words) -> None:
        self._e, self._words = e, words

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        expected, days = self._e.churn.expected_next_order_date, _expected_days(self._e)
        if days is None:
            return
        if days > self._e.churn.horizon_days:
            yield Text(self._words("survival.later", date=date(expected)), style="yellow")
        else:
            yield Text(self._words("survival.mark", mark=charset_for(options.encoding).mark, date=date(expected)), style="yellow")


def _reasons(e: Explanation, words: Words) -> RenderableType:
    if not e.churn.reasons:
        return Text(words("no_reasons"))
    shown = table("", "", "", right=(1,), wide=(2,))
    shown.show_header = False
    for reason in e.churn.reasons:
        effect = reason.effect or 0.0
        direction = (words("raises"), "red") if effect > 0 else (words("lowers"), "green")
        sentence = Text(words.pick(reason.sentence_en, reason.sentence_zh))
        shown.add_row(Text(*direction), Text(words("points", n=f"{effect * 100:+.1f}"), style=direction[1]), sentence)
    return shown
