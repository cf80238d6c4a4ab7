"""Where the service listens and what it serves from. Built at the edge, passed down, never read from globals."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from features.redis_server import READ_SECONDS, RedisServer, demand_address, redis_server
from features.secret_files import SettingsWithSecrets


class ServingSettings(SettingsWithSecrets):
    """Settings of the top floor; environment variables carry the prefix `HUITOU_`."""

    model_config = SettingsConfigDict(env_prefix="HUITOU_", frozen=True, extra="ignore")

    data_dir: Path = Field(default=Path("data"), description="Folder that holds everything huitou writes.")
    host: str = Field(default="127.0.0.1", description="Address to listen on; beyond this machine only with keys (`huitou keys create`).")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    workers: int = Field(
        default=1, ge=1, le=64, description="Processes that answer, on one port; they share what they have loaded in memory."
    )
    now: datetime | None = Field(
        default=None, description="The service's clock, UTC; by default the newest of the online store and of the events."
    )
    seed: int = Field(default=1, description="Seed of everything drawn at random, such as a campaign's holdout.")
    reload_seconds: float = Field(default=30.0, gt=0, description="How often the data folder is looked at for new models or features.")
    registry_seconds: float = Field(
        default=60.0, ge=0, description="How often MLflow is asked for new champions, which are fetched beside the service; 0: never."
    )
    follow_seconds: float = Field(default=0.25, gt=0, description="How often the ledger is looked at for changed stock.")
    behind_after_seconds: float = Field(
        default=60.0, gt=0, description="How long an event may wait to reach its customer's features before `/readyz` says so."
    )
    stale_after_days: float = Field(default=14.0, gt=0, description="Age of the features from which answers say that they are degraded.")
    remembered_customers: int = Field(
        default=4_000,
        ge=0,
        description="Customers of whom is kept what the models said and what may be sent, until something new is known; some 100 kB each.",
    )
    body_limit_bytes: int = Field(default=65_536, ge=1024, description="Largest request body.")
    connections: int = Field(
        default=1000, ge=8, description="Connections that are kept at a time; who comes beyond them is told 503 and to come back."
    )
    events_limit_bytes: int = Field(default=16_777_216, ge=1024, description="Largest body of the routes that take events, when unpacked.")
    body_seconds: float = Field(default=30.0, gt=0, description="How long a request body may take to come in whole.")
    answers_in_work: int = Field(default=8, ge=1, description="Questions, offers for instance, that are worked on at a time.")
    answers_waiting: int = Field(default=8, ge=0, description="Questions that may wait for their turn; beyond them callers are told 429.")
    writes_in_work: int = Field(default=16, ge=1, description="Calls that write, events for instance, that are worked on at a time.")
    writes_waiting: int = Field(default=112, ge=0, description="Calls that write that may wait for their turn; beyond them: 429.")
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
    online_patience_seconds: float = Field(
        default=READ_SECONDS,
        gt=0,
        description="How long one read of a customer's row from the Redis may take; then the answer is made as for somebody unknown.",
    )
    spool_limit_bytes: int = Field(
        default=1_000_000_000,
        ge=0,
        description="Most that decisions which the ledger's database cannot take may hold in DATA_DIR/decision-spool.",
    )
    write_keys: SecretStr | None = Field(
        default=None,
        description="Keys of the scope `ingest` that senders of events already have, separated by commas, each at least 16 characters long "
        "where the service listens beyond this machine. With one of them, or a key of `huitou keys`, every route demands a key.",
        repr=False,
    )
    traces_sample: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of the requests whose spans are sent by OTLP; needs the extra `otel`. Where to is said by the variables of "
        "OpenTelemetry, such as `OTEL_EXPORTER_OTLP_ENDPOINT`.",
    )
    due_wait_seconds: float = Field(
        default=20.0, ge=0, description="How long a first request waits for the table of due replenishments before it is told to come back."
    )

    @field_validator("write_keys")
    @classmethod
    def _some_key(cls, keys: SecretStr | None) -> SecretStr | None:
        if keys is not None and any(not key.strip() for key in keys.get_secret_value().split(",")):
            raise ValueError("holds an empty key, with which everybody would be let in")
        return keys

    @property
    def accepted_keys(self) -> tuple[str, ...]:
        """The write keys; empty when none is demanded."""
        return () if self.write_keys is None else tuple(key.strip() for key in self.write_keys.get_secret_value().split(","))

    @field_validator("now")
    @classmethod
    def _in_utc(cls, now: datetime | None) -> datetime | None:
        if now is None:
            return None
        return now.replace(tzinfo=UTC) if now.tzinfo is None else now.astimezone(UTC)

    @field_validator("online_url")
    @classmethod
    def _a_redis(cls, url: str | None) -> str | None:
        demand_address(url)
        return url

    @property
    def online_server(self) -> RedisServer | None:
        """The Redis with the online rows."""
        return redis_server(self.online_url, self.online_patience_seconds)

    @property
    def online_dir(self) -> Path:
        """Versioned online state, written by `huitou build`."""
        return self.data_dir / "online"
