"""`huitou import events`: files of events into the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from features.import_consent import ImportConsent
from huitou.console import errors, output, steps
from huitou.options import Consent, DataDir, feature_settings, tell_consent

_MOST_REASONS = 12


def events(
    file: Annotated[
        list[Path],
        typer.Option("--file", help="JSON Lines, plain or gzip; a Segment message or a CloudEvent a line. May be given several times."),
    ],
    consent: Consent = ImportConsent.UNKNOWN,
    data_dir: DataDir = None,
) -> None:
    """Take events in from files, as `POST /v1/events` takes them in.

    A message that is in the ledger already is passed over, so a file that has grown, or a run that was interrupted, is simply imported
    again. Lines that cannot be kept are set aside in DATA_DIR/quarantine with file, line, field and reason; mend them and import again.
    Afterwards: huitou build.
    """
    from features.ledger.ledger import open_ledger
    from features.permitted import state_import
    from serving.bulk_intake import take_file
    from serving.intake import Status

    settings = feature_settings(data_dir)
    ledger = open_ledger(settings)
    try:
        for path in file:
            with steps(1) as progress, progress.step(f"import {path.name}"):
                taken = take_file(ledger, path, settings.data_dir / "quarantine", progress=progress.tell)
                state_import(settings, taken.customers, consent)
            counts = taken.counts
            output().print(
                f"{escape(str(path))}: {counts[Status.ACCEPTED]:,} events taken in, {counts[Status.DUPLICATE]:,} were here already, "
                f"{counts[Status.REFUSED]:,} refused"
                + (f", {counts[Status.ERASED]:,} of erased customers not kept" if counts[Status.ERASED] else "")
                + "."
            )
            if taken.remarks:
                errors().print(f"[yellow]{taken.remarks:,} events were kept, but a link they ask for is another customer's already.[/]")
            for reason, count in taken.reasons.most_common(_MOST_REASONS):
                errors().print(f"[yellow]  {count:,} × {escape(reason)}[/]")
            if taken.quarantine is not None:
                errors().print(f"[yellow]Set aside, with the reasons: {escape(str(taken.quarantine))}[/]")
    finally:
        ledger.close()
    tell_consent(consent)
