"""The allowances in sentences, beside the findings of `features.history`."""

from __future__ import annotations

from collections.abc import Sequence

from features.history.finding import Finding
from training.allowances.allowance import Allowance, Horizon


def allowance_findings(allowances: Sequence[Allowance]) -> list[Finding]:
    """One sentence a model: what it would be judged on, or why it would not be trained and what would help."""
    anything = any(allowance.allowed for allowance in allowances)
    return [_allowed(allowance) if allowance.allowed else _refused(allowance, alone=not anything) for allowance in allowances]


def _allowed(allowance: Allowance) -> Finding:
    dates = len(allowance.judged)
    sentence = f"{allowance.model} can be trained, and judged on {_dates(dates)} it has not seen: {horizons_said(allowance.horizons)}."
    late = [h for h in allowance.horizons if not h.dates and h.more_weeks]
    if not late:
        return Finding(severity="ok", about="models", sentence=sentence)
    needs = ", ".join(f"{h.days} days in {weeks_said(h.more_weeks)}" for h in late)
    return Finding(severity="note", about="models", sentence=sentence, remedy=f"Not yet: {needs}.")


def _refused(allowance: Allowance, *, alone: bool) -> Finding:
    return Finding(
        severity="warning" if alone else "note",
        about="models",
        sentence=f"{allowance.model} cannot be trained: {allowance.reason}",
        remedy=f"Needs {weeks_said(allowance.more_weeks)} more of history." if allowance.more_weeks else "",
    )


def horizons_said(horizons: Sequence[Horizon]) -> str:
    """Horizons with the number of dates each is judged at, equal numbers together, e.g. "14 and 28 days at 3 dates, 56 days at 2"."""
    groups: dict[int, list[str]] = {}
    for horizon in horizons:
        if horizon.measured and horizon.dates:
            said = f"at the longest {horizon.days}" if horizon.longest else str(horizon.days)
            groups.setdefault(len(horizon.dates), []).append(said)
    parts = [f"{_and(days)} days at {_dates(count)}" for count, days in groups.items()]
    return ", ".join(parts) or "at no horizon, as no label has both outcomes"


def weeks_said(weeks: int | None) -> str:
    """A number of weeks for people."""
    return "" if not weeks else "1 week" if weeks == 1 else f"{weeks} weeks"


def _dates(count: int) -> str:
    return "1 date" if count == 1 else f"{count} dates"


def _and(days: Sequence[str]) -> str:
    *first, last = days
    return f"{', '.join(first)} and {last}" if first else last
