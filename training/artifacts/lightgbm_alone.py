"""LightGBM without what it imports for other uses of it."""

from __future__ import annotations

import sys

# What it looks for where it is installed: scikit-learn's way of fitting and predicting, and tables as input.
_UNUSED = ("sklearn", "pandas", "pyarrow")


def import_alone() -> None:
    """Import LightGBM as if nothing but the `serve` extra were installed.

    For processes that only ask finished models about arrays: where the `train` extra is installed as well, half of what starting the
    service takes (a second) and of its memory (150 MB) was these libraries. Whoever asks for one of them afterwards gets it.
    """
    if "lightgbm" in sys.modules:
        return
    hidden = [name for name in _UNUSED if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: as if it were not installed
    try:
        import lightgbm  # noqa: F401
    finally:
        for name in hidden:
            del sys.modules[name]
