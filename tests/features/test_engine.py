"""Each engine under the contract."""

from __future__ import annotations

from tests.contracts.engine_suite import EngineSuite


class TestDuckDb(EngineSuite):
    engine = "duckdb"
