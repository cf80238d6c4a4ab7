"""Curves as inline SVG, without any script or address."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from huitou.report.figure import draw_svg
from training.recipe import Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE = (5.2, 3.6)  # inches; two plots stand side by side on a laptop


def plot_svg(title: str, curves: Sequence[Curve]) -> str:
    """One plot with all its curves, as an `<svg>` element."""

    def draw(axes: Axes) -> None:
        for number, curve in enumerate(curves):
            _draw(axes, curve, number, len(curves))
        if title.lower().startswith("calibration"):
            axes.axline((0, 0), slope=1, color="0.6", linestyle=":", linewidth=1, label="perfect")
        axes.set_title(title, wrap=True)
        axes.set_xlabel(curves[0].x_label)
        axes.set_ylabel(curves[0].y_label)
        axes.grid(visible=True, alpha=0.25)
        axes.legend(fontsize=7)

    return draw_svg(draw, _SIZE)


def _draw(axes: Axes, curve: Curve, number: int, total: int) -> None:
    color = f"C{number % 10}"
    if curve.style == "bars":
        width = 0.8 / total
        positions = [i + number * width for i in range(len(curve.x))]
        axes.bar(positions, curve.y, width=width, label=curve.label, color=color)
        axes.set_xticks(range(len(curve.x)), [f"{x:g}" for x in curve.x])
    elif curve.style == "points":
        axes.plot(curve.x, curve.y, "o", label=curve.label, color=color)
    elif curve.style == "diagonal":
        axes.plot(curve.x, curve.y, ":", label=curve.label, color="0.6")
    else:
        axes.plot(curve.x, curve.y, marker=".", markersize=4, linewidth=1.4, label=curve.label, color=color)
