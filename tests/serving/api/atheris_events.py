"""The decoder of events under a fuzzer that follows which lines were reached. Atheris is not among the development tools:

pip install atheris && python -m tests.serving.api.atheris_events -atheris_runs=1000000 -max_len=4096
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["features.sources", "serving.api.bodies", "serving.api.event_bodies", "json"]):
    from tests.serving.api.event_decoder import CALLS, SEEDS, decode


def main() -> None:
    """Begin with the seeds under every head that is lawful for them."""
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(SEEDS):
            for head in (*range(len(CALLS)), 16, 64, 128):
                (Path(folder) / f"{number}-{head}").write_bytes(bytes([head]) + seed)
        atheris.Setup([*sys.argv, folder], decode)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
