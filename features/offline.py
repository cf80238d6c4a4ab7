"""Reads the offline features that `features.build` wrote."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from features.errors import StateBroken
from features.feature_sets import CUSTOMER, FeatureSet
from features.permitted import profiled
from features.settings import FeatureSettings
from features.versions import current_folder

KEYS = ("customer_id", "as_of")


@dataclass(frozen=True)
class OfflineFeatures:
    """A finished build: one Parquet file per view, one row per customer and as-of date.

    Attributes:
        folder: of its files.
        permitted: customers whose rows may be read; None for all that were built.
    """

    folder: Path
    permitted: frozenset[str] | None = None

    def read(self, view: str) -> pl.DataFrame:
        """One view, all as-of dates.

        Raises:
            StateBroken: the file is missing or damaged.
        """
        return self._read(view, None, None)

    def _read(self, view: str, columns: tuple[str, ...] | None, rows: pl.DataFrame | None) -> pl.DataFrame:
        path = self.folder / f"{view}.parquet"
        try:
            frame = pl.scan_parquet(path)
            if self.permitted is not None:
                agreed = pl.LazyFrame({"customer_id": sorted(self.permitted)}, schema={"customer_id": pl.String})
                frame = frame.join(agreed, on="customer_id", how="semi")
            if rows is not None:
                frame = frame.join(rows.lazy(), on=rows.columns, how="semi")
            return (frame if columns is None else frame.select(columns)).collect()
        except (OSError, pl.exceptions.PolarsError) as error:
            raise StateBroken(f"{path} cannot be read ({error}); run `huitou build --force`.") from error

    def keys(self) -> pl.DataFrame:
        """`customer_id` and `as_of` of every row; errors as `read`."""
        return self._read(next(view for view, _ in CUSTOMER.views), KEYS, None)

    def feature_set(
        self, features: FeatureSet, as_of: Iterable[datetime] | None = None, *, rows: pl.DataFrame | None = None
    ) -> pl.DataFrame:
        """`customer_id`, `as_of`, then the set's features in order; sorted by date and customer.

        Args:
            features: which columns of which views.
            as_of: only these dates; all when None.
            rows: only these `customer_id` and `as_of`; all when None. What is left out is never in memory.
        """
        wanted = rows if as_of is None else pl.DataFrame({"as_of": list(as_of)}, schema={"as_of": pl.Datetime("us", "UTC")})
        joined: pl.DataFrame | None = None
        for view, columns in features.views:
            frame = self._read(view, (*KEYS, *columns), wanted)
            joined = frame if joined is None else joined.join(frame, on=list(KEYS), how="left")
        assert joined is not None  # noqa: S101 - a feature set has at least one view
        return joined.sort("as_of", "customer_id")


def open_offline(settings: FeatureSettings) -> OfflineFeatures:
    """Open the current build, as far as its customers still consent to profiling: a build may be older than a withdrawal.

    Raises:
        StateMissing: nothing was built yet.
        LedgerAway, LedgerBroken: nobody's consent is known.
    """
    folder = current_folder(settings.features_dir, remedy="run `huitou build` first.")
    return OfflineFeatures(folder, frozenset(profiled(settings)))
