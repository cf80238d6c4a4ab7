"""What every source promises; its test inherits this and says how a small source is made, changed, damaged and imported."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from features.errors import SourceUnreadable
from features.schema import TABLES
from features.settings import FeatureSettings
from features.warehouse import Warehouse, open_warehouse


class SourceSuite:
    """Inherit, and provide the fixture `source` and the methods `bring` and `change`; `damage` and `fates` where it reads files.

    Attributes:
        fates: names of the report's counts that together account for every line read.
        reads_files: whether there is something that could be damaged.
    """

    fates: tuple[str, ...] = ()
    reads_files = True

    @pytest.fixture
    def source(self, tmp_path: Path) -> Path:
        """A folder of the test's own that holds the source."""
        raise NotImplementedError

    def bring(self, settings: FeatureSettings, source: Path) -> tuple[Warehouse, bool]:
        """Import it: the warehouse, and whether anything was imported."""
        raise NotImplementedError

    def change(self, source: Path) -> None:
        """Make it say something else, lawfully."""
        raise NotImplementedError

    def damage(self, source: Path) -> None:
        """Make it unreadable."""
        raise NotImplementedError

    def account(self, counts: Mapping[str, int], rows: Mapping[str, int]) -> None:
        """Every line read has one fate."""
        assert self.fates
        assert counts["lines read"] == sum(counts[fate] for fate in self.fates) > 0

    @pytest.fixture
    def settings(self, tmp_path: Path) -> FeatureSettings:
        return FeatureSettings(data_dir=tmp_path / "data")

    def test_every_table_conforms_and_orders_are_the_sum_of_their_lines(self, settings: FeatureSettings, source: Path) -> None:
        warehouse, imported = self.bring(settings, source)
        assert imported
        for table in TABLES:
            frame = warehouse.read(table.name)
            assert table.conform(frame).equals(frame)
            assert frame.schema == table.columns
            assert warehouse.report["rows"][table.name] == frame.height
        orders, lines = warehouse.read("orders"), warehouse.read("order_lines")
        assert orders.height > 0
        sums = lines.group_by("order_id").agg(total=pl.col("amount").sum(), lines=pl.len(), customer=pl.col("customer_id").first())
        both = orders.join(sums, on="order_id", how="full", coalesce=True)
        assert both["customer_id"].equals(both.select(pl.coalesce("customer", "customer_id")).to_series(), null_equal=True)
        with_lines = both.filter(pl.col("lines").is_not_null())
        assert with_lines["line_count"].to_list() == with_lines["lines"].to_list()
        assert with_lines["amount"].to_list() == pytest.approx(with_lines["total"].to_list())
        assert lines.join(orders, on=["order_id", "ordered_at"], how="anti").is_empty()
        assert (warehouse.first_event, warehouse.last_event) == (orders["ordered_at"].min(), orders["ordered_at"].max())

    def test_the_counts_add_up(self, settings: FeatureSettings, source: Path) -> None:
        report: Mapping[str, Any] = self.bring(settings, source)[0].report
        assert report["source"]
        self.account(report["counts"], report["rows"])

    def test_an_unchanged_source_is_not_imported_twice_and_a_changed_one_is(self, settings: FeatureSettings, source: Path) -> None:
        first, _ = self.bring(settings, source)
        again, imported = self.bring(settings, source)
        assert (imported, again.folder, again.version) == (False, first.folder, first.version)
        self.change(source)
        other, imported = self.bring(settings, source)
        assert imported
        assert other.version != first.version

    def test_equal_sources_give_equal_histories(self, settings: FeatureSettings, source: Path, tmp_path: Path) -> None:
        elsewhere = settings.model_copy(update={"data_dir": tmp_path / "elsewhere"})
        assert self.bring(settings, source)[0].version == self.bring(elsewhere, source)[0].version

    @pytest.mark.parametrize("written", [0, 1, 6])
    def test_an_interrupted_import_leaves_the_previous_history(
        self, written: int, settings: FeatureSettings, source: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before, _ = self.bring(settings, source)
        self.change(source)
        write, left = pl.DataFrame.write_parquet, iter(range(written))

        def interrupted(*args: Any, **kwargs: Any) -> None:
            if next(left, None) is None:
                raise KeyboardInterrupt
            write(*args, **kwargs)

        with monkeypatch.context() as patch:
            patch.setattr(pl.DataFrame, "write_parquet", interrupted)
            with pytest.raises(KeyboardInterrupt):
                self.bring(settings, source)
        assert open_warehouse(settings).folder == before.folder
        assert open_warehouse(settings).version == before.version
        assert not list(settings.warehouse_dir.glob(".writing-*"))
        after, imported = self.bring(settings, source)
        assert imported
        assert after.version != before.version

    def test_a_damaged_source_is_one_sentence_and_leaves_the_previous_history(self, settings: FeatureSettings, source: Path) -> None:
        if not self.reads_files:
            pytest.skip("it reads no file")
        before, _ = self.bring(settings, source)
        self.damage(source)
        with pytest.raises(SourceUnreadable) as caught:
            self.bring(settings, source)
        assert any(path.name in str(caught.value) for path in source.iterdir())
        assert open_warehouse(settings).folder == before.folder
