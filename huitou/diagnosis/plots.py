"""The plots of the diagnosis, as inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from features.history.clock import Clock
from features.history.concentration import Concentration
from features.history.pauses import Pauses
from features.history.rhythm import Rhythm
from features.history.volume import Volume
from huitou.report.figure import draw_svg
from training.allowances.allowance import Allowance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDE, _HALF = (10.4, 2.9), (5.2, 3.3)  # inches
_INK, _FILL, _SOFT, _ALERT = "#0b6b5d", "#6db3a7", "#c9d4dd", "#d9822b"
_HORIZONS = (14, 28, 56, 91)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_BAR = 6.2  # days of a week's bar


def volume_svg(volume: Volume, pauses: Pauses) -> str:
    """Orders a week; pauses shaded, odd weeks coloured."""

    def draw(axes: Axes) -> None:
        odd = {week.start for week, _ in volume.unusual(pauses)}
        colors = [_ALERT if w.start in odd else _FILL if w.whole else _SOFT for w in volume.weeks]
        starts = [_day(w.start) for w in volume.weeks]
        axes.bar(starts, [w.orders for w in volume.weeks], width=_BAR, align="edge", color=colors)
        for number, pause in enumerate(pauses.found):
            start = _day(datetime.combine(pause.last, datetime.min.time(), UTC)) + 1
            label = "no order anywhere" if number == 0 else None
            axes.axvspan(start, start + pause.days, color=_ALERT, alpha=0.3, linewidth=0, label=label)
        axes.axhline(volume.median_orders, color=_INK, linewidth=1, linestyle=":", label="median week")
        _finish(axes, "Orders a week", "", "orders")
        _legend_above(axes)
        _date_axis(axes)

    return draw_svg(draw, _WIDE)


def customers_svg(volume: Volume) -> str:
    """Customers a week, new and known."""

    def draw(axes: Axes) -> None:
        starts = [_day(w.start) for w in volume.weeks]
        known, new = [w.customers - w.new_customers for w in volume.weeks], [w.new_customers for w in volume.weeks]
        axes.bar(starts, known, width=_BAR, align="edge", color=_FILL, label="ordered before")
        axes.bar(starts, new, bottom=known, width=_BAR, align="edge", color=_INK, label="first order of the history")
        _finish(axes, "Customers who ordered, by week", "", "customers")
        _legend_above(axes)
        _date_axis(axes)

    return draw_svg(draw, _WIDE)


def rhythm_svg(rhythm: Rhythm) -> str:
    """Histogram of the days between two orders of a customer."""

    def draw(axes: Axes) -> None:
        ends = [end for end, _ in rhythm.histogram]
        shares = [count / rhythm.gaps for _, count in rhythm.histogram]
        axes.bar(range(len(ends)), shares, color=_FILL)
        starts = [1, *(end + 1 for end in ends if end is not None)]
        labels = [f"{a}+" if b is None else f"{a}" if a == b else f"{a}–{b}" for a, b in zip(starts, ends, strict=True)]
        axes.set_xticks(range(len(ends)), labels, rotation=60, fontsize=7)
        top = max(shares) * 1.35  # room for the lines' words
        for days in _HORIZONS:
            place = ends.index(days) + 0.5
            axes.axvline(place, color=_INK, linewidth=1, linestyle=":")
            axes.text(place, top, f"{rhythm.within[days]:.0%} within {days}", fontsize=7, color=_INK, va="top", ha="right", rotation=90)
        axes.set_ylim(0, top)
        _finish(
            axes, f"Days between two orders of a customer ({rhythm.gaps:,} gaps)", "days; bins widen", "share of the gaps", y_share=True
        )

    return draw_svg(draw, _HALF)


def lorenz_svg(spreads: Sequence[Concentration]) -> str:
    """Lorenz curves: how much the smallest share of customers or products has together."""

    def draw(axes: Axes) -> None:
        for number, spread in enumerate(spreads):
            x = [i / (len(spread.lorenz) - 1) for i in range(len(spread.lorenz))]
            name = f"{spread.of}, {spread.things:,} {spread.over}s (Gini {spread.gini:.2f})"
            axes.plot(x, spread.lorenz, linewidth=1.5, color=f"C{number}", label=name)
        axes.plot([0, 1], [0, 1], color="0.6", linestyle=":", linewidth=1, label="all alike")
        _finish(axes, "Concentration", "smallest customers or products first", "what they have together", y_share=True)
        axes.xaxis.set_major_formatter("{x:.0%}")
        axes.legend(fontsize=7, loc="upper left")

    return draw_svg(draw, _HALF)


def hours_svg(clock: Clock) -> str:
    """Orders by hour."""

    def draw(axes: Axes) -> None:
        axes.bar(range(24), [count / clock.orders for count in clock.hours], color=_FILL)
        axes.set_xticks(range(0, 24, 3))
        _finish(axes, "Orders by hour", "hour of the day, as imported (UTC)", "share of the orders", y_share=True)

    return draw_svg(draw, _HALF)


def weekdays_svg(clock: Clock) -> str:
    """Orders by weekday."""

    def draw(axes: Axes) -> None:
        axes.bar(range(7), [count / clock.orders for count in clock.weekdays], color=_FILL)
        axes.set_xticks(range(7), _DAYS)
        _finish(axes, "Orders by weekday", "", "share of the orders", y_share=True)

    return draw_svg(draw, _HALF)


def dates_svg(allowances: Sequence[Allowance], first: datetime, now: datetime) -> str:
    """For each model the history, the dates it is judged as of, and how far each horizon looks ahead."""

    def draw(axes: Axes) -> None:
        begin, length = _day(first), _day(now) - _day(first)
        for row, allowance in enumerate(reversed(allowances)):
            axes.barh(row, length, left=begin, height=0.55, color=_FILL if allowance.allowed else _SOFT, alpha=0.5)
            if not allowance.allowed:
                axes.text(begin + 0.01 * length, row, "cannot be trained on this history", va="center", fontsize=8)
                continue
            for date in allowance.judged:
                ahead = max(h.days for h in allowance.horizons if date in h.dates)
                axes.plot([_day(date), min(_day(date) + ahead, begin + length)], [row, row], color=_INK, linewidth=1.4)
            axes.plot([_day(date) for date in allowance.judged], [row] * len(allowance.judged), "o", color=_INK, markersize=5)
        axes.plot([], [], "o-", color=_INK, label="judged as of this date, looking ahead so far")
        _finish(axes, "What each model would be judged on", "", "")
        axes.set_yticks(range(len(allowances)), [allowance.model for allowance in reversed(allowances)])
        axes.set_ylim(-0.6, len(allowances) - 0.4)
        axes.grid(visible=False)
        _legend_above(axes)
        _date_axis(axes)

    return draw_svg(draw, (_WIDE[0], 2.3))


def _day(moment: datetime) -> float:
    """Days since 1970, matplotlib's dates."""
    return moment.timestamp() / timedelta(days=1).total_seconds()


def _finish(axes: Axes, title: str, x: str, y: str, *, y_share: bool = False) -> None:
    axes.set_title(title, loc="left")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(visible=True, axis="y", alpha=0.25)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.yaxis.set_major_formatter("{x:.0%}" if y_share else "{x:,.0f}")


def _legend_above(axes: Axes) -> None:
    axes.legend(fontsize=7, loc="lower right", bbox_to_anchor=(1, 1), ncols=4, frameon=False)


def _date_axis(axes: Axes) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=4, maxticks=12)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
