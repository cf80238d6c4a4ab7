"""Where the shop's data lives and how features are computed. Built at the edge, passed down, never read from globals."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from features.redis_server import RedisServer, demand_address, redis_server
from features.secret_files import SettingsWithSecrets


class FeatureSettings(SettingsWithSecrets):
    """Settings of the ground floor; environment variables carry the prefix `HUITOU_`."""

    model_config = SettingsConfigDict(env_prefix="HUITOU_", frozen=True, extra="ignore")

    data_dir: Path = Field(default=Path("data"), description="Folder that holds everything huitou writes.")
    engine: Literal["duckdb"] = Field(default="duckdb", description="Ibis backend that computes features.")
    threads: int = Field(default=2, ge=1, description="Threads of the engine and of model training.")
    memory_limit_mb: int = Field(default=2048, ge=256, description="Memory the engine may use before it spills to disk.")

    never_bought_days: int = Field(
        default=180,
        ge=0,
        description="Customers who never ordered are online if they did something in so many days; 0 keeps buyers only.",
    )

    ledger_url: str | None = Field(
        default=None,
        description="Database of the ledger, postgresql://… or sqlite:///…; by default the file ledger.db in the data folder.",
        repr=False,  # it may hold a password
    )
    ledger_patience_seconds: float = Field(
        default=10.0,
        gt=0,
        description="How long the ledger's database may take, or another writer hold it, before a call is told to come back.",
    )

    online_url: str | None = Field(
        default=None,
        description="Redis that holds the customers' online rows, redis://… or rediss://…; by default a file in each build's folder. "
        "`huitou build` puts them where this says.",
        repr=False,  # it may hold a password
    )

    @field_validator("online_url")
    @classmethod
    def _a_redis(cls, url: str | None) -> str | None:
        demand_address(url)
        return url

    @property
    def online_server(self) -> RedisServer | None:
        """The Redis with the online rows, for commands that nobody waits for."""
        return redis_server(self.online_url, patience=10.0)

    @property
    def imported_dir(self) -> Path:
        """Versioned Parquet tables as the importers wrote them, ids as in the files."""
        return self.data_dir / "imported"

    @property
    def folded_dir(self) -> Path:
        """Versioned Parquet tables made from the ledger's events, ids as recorded."""
        return self.data_dir / "folded"

    @property
    def warehouse_dir(self) -> Path:
        """Versioned Parquet history of the shop: imported and folded together, every row under its customer."""
        return self.data_dir / "warehouse"

    @property
    def features_dir(self) -> Path:
        """Versioned offline feature tables."""
        return self.data_dir / "features"

    @property
    def online_dir(self) -> Path:
        """Versioned Feast online store."""
        return self.data_dir / "online"
