"""What the workers of one service tell one another: small files in a folder that lives as long as the service.

Whoever scrapes `/metrics` reaches one worker, any of them. It answers with everybody's metrics, each with the label `worker`: its own as
they are now, the others' as they were up to two seconds ago. One worker alone watches MLflow, and all say in `/readyz` what it found.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serving.services import Services

_SAMPLE = re.compile(r"([A-Za-z_:][A-Za-z0-9_:]*)(?:\{(.*)\})? (\S.*)")
_REGISTRY = "registry"
_SUFFIX = ".metrics"


@dataclass(frozen=True)
class WorkersTold:
    """One worker's side of it.

    Attributes:
        folder: of all of them.
        place: this one's number; 0 leads: it watches MLflow.
    """

    folder: Path
    place: int

    @property
    def leads(self) -> bool:
        """Whether what is done once a service is this worker's."""
        return self.place == 0

    def tell_metrics(self, text: bytes) -> None:
        """Lay out this worker's metrics, in Prometheus' text format."""
        self._write(f"{self.place}{_SUFFIX}", text)

    def joined(self, own: bytes) -> bytes:
        """Everybody's metrics, each sample with the label `worker`.

        Args:
            own: this worker's, as they are now.
        """
        texts = {self.place: own}
        for path in self.folder.glob(f"*{_SUFFIX}"):
            if path.stem.isdigit() and int(path.stem) != self.place:
                with contextlib.suppress(OSError):  # safe: its worker ended just now
                    texts[int(path.stem)] = path.read_bytes()
        return joined(texts)

    def tell_registry(self, problem: str | None) -> None:
        """Say why no new champion can be fetched, or that nothing is wrong."""
        self._write(_REGISTRY, (problem or "").encode())

    def registry(self) -> str | None:
        """What the leader said last."""
        try:
            return (self.folder / _REGISTRY).read_text(encoding="utf-8") or None
        except OSError:
            return None  # nothing yet

    def _write(self, name: str, content: bytes) -> None:
        aside = self.folder / f".{name}-{self.place}"
        aside.write_bytes(content)
        aside.replace(self.folder / name)


def metrics_of(services: Services) -> bytes:
    """Every metric as it is now, in Prometheus' text format, those of other workers included; it asks as `problems` does, and may wait."""
    text = _own(services)
    return text if services.told is None else services.told.joined(text)


def tell(services: Services) -> None:
    """Say to the other workers what they cannot know, and take over what they said; may wait as `metrics_of` does."""
    if services.told is None:
        return
    if not services.told.leads:
        services.registry_problem = services.told.registry()
    services.told.tell_metrics(_own(services))


def _own(services: Services) -> bytes:
    services.telemetry.condition(
        services.problems(),  # it also finds out how far the features are behind
        feature_age_days=services.feature_age_days,
        clock_seconds=services.now.timestamp(),
        waiting=services.decisions.waiting,
        build=services.live.version,
    )
    return services.telemetry.text()


def joined(texts: dict[int, bytes]) -> bytes:
    """Put metrics of several workers together; each family's samples must stand together, below its own head.

    Args:
        texts: place → metrics in Prometheus' text format.
    """
    heads: dict[str, list[str]] = {}
    samples: dict[str, list[str]] = {}
    for place, text in sorted(texts.items()):
        family = ""
        for line in text.decode().splitlines():
            if line.startswith("# "):
                family = line.split(" ", 3)[2]
                known = heads.setdefault(family, [])
                if len(known) < 2 and line not in known:  # HELP and TYPE
                    known.append(line)
            elif (found := _SAMPLE.fullmatch(line)) is not None:
                name, labels, rest = found.groups()
                more = f",{labels}" if labels else ""
                samples.setdefault(family, []).append(f'{name}{{worker="{place}"{more}}} {rest}')
    return "".join(f"{line}\n" for family, head in heads.items() for line in (*head, *samples.get(family, ()))).encode()
