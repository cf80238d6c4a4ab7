"""Curves as inline SVG, without any script or address."""

from __future__ import annotations

import io
from collections.abc import Sequence

from training.recipe import Curve

_SIZE = (5.2, 3.6)  # inches; two plots stand side by side on a laptop


def plot_svg(title: str, curves: Sequence[Curve]) -> str:
    """One plot with all its curves, as an `<svg>` element."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    # A fixed salt: equal data give equal files.
    with mpl.rc_context({"svg.hashsalt": "huitou", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=_SIZE, layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        for number, curve in enumerate(curves):
            _draw(axes, curve, number, len(curves))
        if title.lower().startswith("calibration"):
            axes.axline((0, 0), slope=1, color="0.6", linestyle=":", linewidth=1, label="perfect")
        axes.set_title(title, wrap=True)
        axes.set_xlabel(curves[0].x_label)
        axes.set_ylabel(curves[0].y_label)
        axes.grid(visible=True, alpha=0.25)
        axes.legend(fontsize=7)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _draw(axes: object, curve: Curve, number: int, total: int) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)  # noqa: S101 - narrows a lazily imported type
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
