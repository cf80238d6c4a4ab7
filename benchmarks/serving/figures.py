"""What was measured: figures by name, ratios beside their goals, as JSON and as a table."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Ratio:
    """One quotient and what it should be.

    Attributes:
        value: the middle run.
        low, high: the least and the greatest run.
        goal: None: nobody set one.
        at_least: whether the goal is a least value; otherwise a greatest.
        note: what a reader must know.
    """

    value: float
    low: float
    high: float
    goal: float | None = None
    at_least: bool = True
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without one."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.at_least else self.value <= self.goal


def ratio_of(tops: Sequence[float], bottoms: Sequence[float], *, goal: float | None = None, at_least: bool = True, note: str = "") -> Ratio:
    """The middle, least and greatest quotient of runs made in turn: what slowed one of a pair slowed, mostly, the other."""
    quotients = [top / bottom for top, bottom in zip(tops, bottoms, strict=True) if bottom > 0]
    if not quotients:
        return Ratio(0.0, 0.0, 0.0, goal, at_least, f"{note} Nothing to divide by: too short a run.".strip())
    middle = statistics.median(quotients)
    return Ratio(_digits(middle), _digits(min(quotients)), _digits(max(quotients)), goal, at_least, note)


@dataclass
class Figures:
    """Everything of one run.

    Attributes:
        measured: part → figures.
        ratios: name → quotient.
        absent: what could not be measured → why.
    """

    measured: dict[str, Any] = field(default_factory=dict)
    ratios: dict[str, Ratio] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As it is written."""
        ratios = {name: {**asdict(ratio), "met": ratio.met} for name, ratio in self.ratios.items()}
        return {"machine": machine(), "ratios": ratios, "measured": self.measured, "absent": self.absent}

    def write(self, path: Path) -> None:
        """To a JSON file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.as_json(), indent=1, ensure_ascii=False), encoding="utf-8")

    def table(self) -> str:
        """The ratios, for people."""
        rows = [("ratio", "middle", "least", "greatest", "goal", "")]
        for name, ratio in self.ratios.items():
            goal = "" if ratio.goal is None else f"{'≥' if ratio.at_least else '≤'} {ratio.goal:g}"
            met = {None: "", True: "met", False: "MISSED"}[ratio.met]
            rows.append((name, f"{ratio.value:g}", f"{ratio.low:g}", f"{ratio.high:g}", goal, met))
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, *(f"not measured: {name}: {why}" for name, why in self.absent.items())])


def machine() -> dict[str, Any]:
    """Where it ran, and what else went on there: the load counts the benchmark's own two processes."""
    return {
        "cores": os.cpu_count(),
        "load": [round(one, 2) for one in os.getloadavg()],
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _digits(value: float) -> float:
    return float(f"{value:.3g}")
