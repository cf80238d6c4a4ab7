"""The diagnosis on a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from features.history.finding import Finding
from huitou.diagnosis.diagnosis import Diagnosis
from training.allowances.findings import horizons_said, weeks_said

_MARK = {"warning": "[bold yellow]warning[/]", "note": "[cyan]note[/]   ", "ok": "[green]ok[/]     "}


def diagnosis_lines(diagnosis: Diagnosis) -> Iterator[RenderableType]:
    """Findings worth a look, then the models, then what was found good."""
    seen = diagnosis.examination
    span = f", {seen.first:%Y-%m-%d} to {seen.last:%Y-%m-%d}" if seen.first and seen.last else ""
    yield f"[bold]{escape(seen.source)}[/]{span}"
    yield ""
    yield from (_line(finding) for finding in diagnosis.findings if finding.severity != "ok" and finding.about != "models")
    yield ""
    yield "[bold]What the history allows[/]"
    yield models_table(diagnosis)
    yield "[bold]Found good[/]"
    yield from (_line(finding) for finding in diagnosis.findings if finding.severity == "ok" and finding.about != "models")
    yield ""
    yield diagnosis.headline


def models_table(diagnosis: Diagnosis) -> Table:
    """A row a model: whether, judged when and at which horizons, or why not."""
    table = Table(box=SIMPLE, pad_edge=False)
    table.add_column("model", no_wrap=True)
    table.add_column("trains")
    table.add_column("judged as of")
    table.add_column("horizons, or what is missing", min_width=40)
    for allowance in diagnosis.allowances:
        dates = ", ".join(f"{date:%Y-%m-%d}" for date in allowance.judged)
        if allowance.allowed:
            late = [f"{h.days} days in {weeks_said(h.more_weeks)}" for h in allowance.horizons if not h.dates and h.more_weeks]
            said = horizons_said(allowance.horizons) + (f"; not yet: {', '.join(late)}" if late else "")
            table.add_row(allowance.model, "[green]yes[/]", dates, said)
        else:
            more = f" Needs {weeks_said(allowance.more_weeks)} more." if allowance.more_weeks else ""
            table.add_row(allowance.model, "[yellow]no[/]", "", escape(allowance.reason + more))
    return table


def _line(finding: Finding) -> str:
    remedy = f" [dim]{escape(finding.remedy)}[/]" if finding.remedy else ""
    return f"  {_MARK[finding.severity]}  {escape(finding.sentence)}{remedy}"
