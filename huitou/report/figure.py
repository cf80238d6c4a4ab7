"""A matplotlib figure as an inline `<svg>` element, without any script or address; equal data give equal bytes."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_svg(draw: Callable[[Axes], None], size: tuple[float, float]) -> str:
    """Let `draw` fill one set of axes.

    Args:
        draw: draws.
        size: inches, width and height.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    # A fixed salt: equal data give equal files.
    with mpl.rc_context({"svg.hashsalt": "huitou", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.add_subplot())
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
