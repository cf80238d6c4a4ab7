"""Files of events into the ledger: what is there already is passed over, what cannot be kept is set aside with its reason."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO

from features.ledger.ledger import Ledger
from features.sources.event_lines import Line, read_lines
from features.sources.incoming import Incoming
from features.sources.messages import read_message
from serving.intake import Receipt, Status, take_in

_AT_ONCE = 1000  # lines in one commit
_PERCENT = 100


@dataclass
class Taken:
    """What became of a file.

    Attributes:
        counts: status → lines.
        reasons: field and reason → refused lines.
        remarks: lines that were kept, though a link they asked for could not be made.
        quarantine: file of the lines set aside; None when there are none.
        customers: ids under which events of the file are in the ledger.
    """

    counts: Counter[Status] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    remarks: int = 0
    quarantine: Path | None = None
    customers: set[str] = field(default_factory=set)
    _read: list[str | None] = field(default_factory=list)

    def read(self, message: object, now: datetime) -> Incoming:
        """As `read_message`; remembers whose each message is."""
        self._read.append(None)
        incoming = read_message(message, now)
        self._read[-1] = incoming.event.recorded_as
        return incoming

    def hold(self, statuses: Sequence[Status]) -> None:
        """Note whose messages were kept, by what became of those read last; of erased customers nothing is noted."""
        kept = (Status.ACCEPTED, Status.DUPLICATE)
        self.customers.update(one for one, status in zip(self._read, statuses, strict=True) if one is not None and status in kept)
        self._read.clear()


def take_file(ledger: Ledger, path: Path, quarantine: Path, *, progress: Callable[[str], None] = lambda _: None) -> Taken:
    """Take a file's events in, a thousand lines to a commit; an interrupted run is simply run again.

    Args:
        ledger: where to.
        path: JSON Lines, plain or gzip.
        quarantine: folder of the lines set aside; `events-<file>.jsonl` there is replaced, or removed when every line is good.
        progress: told how far it is.

    Raises:
        HuitouError: the file cannot be read; LedgerAway, LedgerFull, LedgerBroken: what was committed before stays.
    """
    taken, read = Taken(), [0]
    size = path.stat().st_size if path.is_file() else 0
    beside = quarantine / f"events-{path.name.removesuffix('.gz').rsplit('.', 1)[0]}.jsonl"
    beside.unlink(missing_ok=True)
    for group in _groups(read_lines(path, at=read)):
        refused = [(line, line.refused.field, line.refused.reason) for line in group if line.refused is not None]
        good = [line for line in group if line.refused is None]
        receipts = take_in(ledger, [line.message for line in good], taken.read)
        taken.hold([receipt.status for receipt in receipts])
        refused += [(line, r.field or "line", r.reason or "") for line, r in zip(good, receipts, strict=True) if r.status is Status.REFUSED]
        _count(taken, receipts, refused)
        if refused:
            taken.quarantine = beside
            quarantine.mkdir(parents=True, exist_ok=True)
            with beside.open("a", encoding="utf-8") as file:
                _set_aside(file, path, sorted(refused, key=lambda one: one[0].number))
        progress(f"{sum(taken.counts.values()):,} lines, {min(_PERCENT, read[0] * _PERCENT // max(size, 1))} %")
    return taken


def _groups(lines: Iterator[Line]) -> Iterator[Sequence[Line]]:
    """A thousand at a time; those before an error are given before it is raised."""
    while True:
        group: list[Line] = []
        try:
            group.extend(itertools.islice(lines, _AT_ONCE))
        except Exception:
            if group:
                yield group
            raise
        if not group:
            return
        yield group


def _count(taken: Taken, receipts: Sequence[Receipt], refused: Sequence[tuple[Line, str, str]]) -> None:
    kept = [receipt for receipt in receipts if receipt.status is not Status.REFUSED]
    taken.counts.update(receipt.status for receipt in kept)
    taken.counts[Status.REFUSED] += len(refused)
    taken.remarks += sum(receipt.reason is not None for receipt in kept)
    taken.reasons.update(f"{name}: {reason}" for _, name, reason in refused)


def _set_aside(file: IO[str], path: Path, refused: Sequence[tuple[Line, str, str]]) -> None:
    for line, name, reason in refused:
        told = {"file": path.name, "line": line.number, "field": name, "reason": reason, "text": line.text}
        file.write(json.dumps(told) + "\n")
