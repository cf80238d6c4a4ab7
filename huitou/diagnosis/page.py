"""The diagnosis as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from features.history.examination import Examination
from features.history.finding import percent
from features.history.holdings import Holding
from huitou.diagnosis.diagnosis import Diagnosis
from huitou.diagnosis.plots import customers_svg, dates_svg, hours_svg, lorenz_svg, rhythm_svg, volume_svg, weekdays_svg
from training.allowances.allowance import Allowance
from training.allowances.findings import horizons_said, weeks_said


def write_page(diagnosis: Diagnosis, counts: Mapping[str, int], path: Path) -> None:
    """Write the page whole, or leave the earlier one.

    Args:
        diagnosis: what there is to say.
        counts: what became of the imported lines.
        path: HTML file; its folder must exist.
    """
    from jinja2 import Environment

    seen = diagnosis.examination
    text = resources.files("huitou.diagnosis").joinpath("template.html").read_text(encoding="utf-8")
    wide, half = _plots(seen)
    html = (
        Environment(autoescape=True)
        .from_string(text)
        .render(
            source=seen.source,
            now=seen.now.isoformat(sep=" ", timespec="minutes") if seen.now else "",
            version=metadata.version("huitou"),
            facts=_facts(seen),
            headline=diagnosis.headline,
            dates_plot=dates_svg(diagnosis.allowances, seen.first, seen.now) if seen.first and seen.now else "",
            models=[_model(allowance) for allowance in diagnosis.allowances],
            # Those of the models stand in the table above.
            findings=[finding for finding in diagnosis.findings if finding.about != "models"],
            wide_plots=wide,
            plots=half,
            spreads=seen.concentrations,
            percent=percent,
            tables=[_table(holding) for holding in seen.holdings.tables],
            counts=list(counts.items()),
            set_aside=list(seen.quality.set_aside.items()) if seen.quality else [],
        )
    )
    aside = path.with_suffix(".writing")
    aside.write_text(html, encoding="utf-8")
    aside.replace(path)


def _plots(seen: Examination) -> tuple[list[str], list[str]]:
    wide, half = [], []
    if seen.volume and seen.pauses:
        wide = [volume_svg(seen.volume, seen.pauses), customers_svg(seen.volume)]
    if seen.rhythm and seen.rhythm.gaps:
        half.append(rhythm_svg(seen.rhythm))
    if seen.concentrations:
        half.append(lorenz_svg(seen.concentrations))
    if seen.clock:
        half += [hours_svg(seen.clock)] if seen.clock.midnight < 1 else []
        half.append(weekdays_svg(seen.clock))
    return wide, half


def _facts(seen: Examination) -> list[tuple[str, str]]:
    if seen.volume is None or seen.first is None or seen.last is None or seen.rhythm is None or seen.quality is None:
        return [(holding.table, f"{holding.rows:,}") for holding in seen.holdings.tables if holding.rows]
    facts = [
        ("orders", f"{seen.quality.orders:,}"),
        ("known customers", f"{seen.rhythm.customers:,}"),
        ("order lines", f"{seen.quality.lines:,}"),
        ("weeks", f"{len(seen.volume.weeks)}"),
        (f"to {seen.last:%Y-%m-%d}", f"{seen.first:%Y-%m-%d}"),
        ("ordered on one day only", percent(seen.rhythm.once)),
    ]
    return facts + ([("days between orders (median)", f"{seen.rhythm.quantiles[50]:.0f}")] if seen.rhythm.gaps else [])


def _model(allowance: Allowance) -> dict[str, Any]:
    late = [f"{h.days} days in {weeks_said(h.more_weeks)}" for h in allowance.horizons if not h.dates and h.more_weeks]
    more = f" Needs {weeks_said(allowance.more_weeks)} more of history." if allowance.more_weeks else ""
    said = horizons_said(allowance.horizons) + (f"; not yet: {', '.join(late)}" if late else "")
    return {
        "name": allowance.model,
        "allowed": allowance.allowed,
        "judged": [f"{date:%Y-%m-%d}" for date in allowance.judged] if allowance.allowed else [],
        "said": said if allowance.allowed else allowance.reason + more,
    }


def _table(holding: Holding) -> dict[str, Any]:
    return {
        "table": holding.table,
        "rows": holding.rows,
        "first": f"{holding.first:%Y-%m-%d}" if holding.first else "",
        "last": f"{holding.last:%Y-%m-%d}" if holding.last else "",
        "filled": ", ".join(f"{column} {percent(share).replace(' ', chr(0xA0))}" for column, share in holding.filled.items()),
    }
