"""Feast's registry of this shop: one entity per key, one view per definition, one packed view that is served online."""

from __future__ import annotations

from pathlib import Path

from features.definitions.catalogue import VIEWS
from features.definitions.view import FeatureView as Definition
from features.feast_bytes import ENTITY, PROJECT, VIEW
from features.feast_repo.unchecked import unchecked
from features.online_place import demanded, place_of
from features.redis_server import RedisServer
from features.store import DATABASE, PACKED_FILE

with unchecked():
    from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, RepoConfig
    from feast.types import Bytes, Float64
    from feast.value_type import ValueType

CUSTOMER = Entity(name="customer", join_keys=[ENTITY], value_type=ValueType.STRING)
CATEGORY = Entity(name="category", join_keys=["product_category"], value_type=ValueType.STRING)
_ENTITIES = {ENTITY: CUSTOMER, "product_category": CATEGORY}
PACKED = ("vector", "categories", "recent", "tags", "facts")


def open_store(folder: Path, server: RedisServer | None = None) -> FeatureStore:
    """A Feast store whose registry lives in `folder`; DuckDB is the offline store, SQLite in the folder or a Redis the online store.

    DuckDB because the file (dask) offline store drops rows whose newest value is older than a ttl instead of returning nulls.

    Args:
        folder: version folder of the online state.
        server: the Redis of the settings; used where the folder says that its rows are in one.

    Raises:
        StateBroken: the rows are in a Redis, and the settings name none.
    """
    root, project = folder.resolve(), place_of(folder)
    # Of two rows with one event time Feast would keep the older: a customer is written again whenever more is known of the same moment.
    redis = None if project is None else {"type": "redis", "connection_string": demanded(server, folder).feasts, "skip_dedup": True}
    return FeatureStore(
        config=RepoConfig(
            project=project or PROJECT,
            provider="local",
            registry=str(root / "registry.db"),
            online_store=redis or {"type": "sqlite", "path": str(root / DATABASE)},
            offline_store={"type": "duckdb"},
            entity_key_serialization_version=3,
            repo_path=root,
        )
    )


def registered_objects(offline: Path) -> list[Entity | FeatureView | FeatureService]:
    """Everything to apply, reading the Parquet files of an offline build."""
    views = [_plain_view(definition, offline) for definition in VIEWS]
    packed = FeatureView(
        name=VIEW,
        entities=[CUSTOMER],
        ttl=None,
        schema=[Field(name=name, dtype=Bytes) for name in PACKED],
        source=_source(VIEW, offline / PACKED_FILE, "event_timestamp", "created"),
        online=True,
    )
    service = FeatureService(name="customer", features=[packed])
    return [CUSTOMER, CATEGORY, *views, packed, service]


def _plain_view(definition: Definition, offline: Path) -> FeatureView:
    # No ttl: a customer who has been away for long must keep a row. Not online: the packed view serves.
    return FeatureView(
        name=definition.name,
        entities=[_ENTITIES[key] for key in definition.keys],
        ttl=None,
        schema=[Field(name=name, dtype=Float64, description=text) for name, text in definition.features.items()],
        source=_source(definition.name, offline / f"{definition.name}.parquet", "as_of", None),
        online=False,
    )


def _source(name: str, path: Path, timestamp: str, created: str | None) -> FileSource:
    return FileSource(name=f"{name}_file", path=str(path.resolve()), timestamp_field=timestamp, created_timestamp_column=created or "")
