"""Prepares the usual way of serving the same models: a Feast store of plain features, the trees as text, the factors as arrays."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import warnings
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
from implicit.cpu.als import AlternatingLeastSquares
from scipy import sparse
from threadpoolctl import threadpool_limits

from features.feast_repo.unchecked import unchecked
from features.feature_sets import CUSTOMER
from features.offline import OfflineFeatures
from features.settings import FeatureSettings
from features.versions import current_folder
from features.warehouse import Warehouse, open_warehouse
from training import local_models
from training.artifacts.items import ItemModel

FEATURES = CUSTOMER.columns[:60]
TREES = ("return_hazard", "repurchase", "channel_churn")
_BATCH = 5_000  # rows that Feast writes at a time


def prepare_usual(data_dir: Path, folder: Path) -> None:
    """Write everything `peers.usual` loads, from what the product built and fitted; what is there stays."""
    if folder.is_dir():
        return
    aside = folder.with_name(f".{folder.name}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    settings = FeatureSettings(data_dir=data_dir)
    warehouse = open_warehouse(settings)
    offline = OfflineFeatures(current_folder(settings.features_dir, remedy="build first."))
    for name in TREES:
        shutil.copyfile(_artifact(data_dir, name) / "hazard.txt", aside / f"{name}.txt")
    rows = offline.feature_set(CUSTOMER, [warehouse.last_event])
    _write_factors(ItemModel.load(_artifact(data_dir, "items")), warehouse, rows["customer_id"].to_list(), aside)
    aside.rename(folder)
    _write_store(rows, warehouse.last_event, folder)


def _artifact(data_dir: Path, name: str) -> Path:
    champion = local_models.champion(data_dir, name)
    assert champion is not None
    return local_models.model_folder(data_dir, name, champion.ref)


def _write_factors(items: ItemModel, warehouse: Warehouse, customers: list[str], folder: Path) -> None:
    """The product's own item factors; customers' factors by implicit itself, from what they bought."""
    lines = warehouse.read("order_lines").group_by("customer_id", "product_id").len()
    users = {customer: i for i, customer in enumerate(customers)}
    places = {product: i for i, product in enumerate(items.product_ids.tolist())}
    known = lines.filter(pl.col("customer_id").is_in(users), pl.col("product_id").is_in(places))
    row = [users[c] for c in known["customer_id"].to_list()]
    column = [places[p] for p in known["product_id"].to_list()]
    bought = sparse.csr_matrix(
        (known["len"].to_numpy().astype(np.float32), (row, column)), shape=(len(customers), len(places)), dtype=np.float32
    )
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(factors=items.factors.shape[1], regularization=items.settings.regularization, num_threads=1)
        model.item_factors = items.factors
        factors = model.recalculate_user(np.arange(len(customers)), bought)
    np.savez(folder / "factors.npz", users=np.asarray(factors, dtype=np.float32), items=items.factors)
    np.savez(folder / "ids.npz", customers=np.array(customers), products=items.product_ids)
    sparse.save_npz(folder / "bought.npz", bought)


def _write_store(rows: pl.DataFrame, as_of: datetime, folder: Path) -> None:
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with unchecked():
            from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource
            from feast.types import Float64
            from feast.value_type import ValueType

        frame = rows.select("customer_id", *FEATURES).with_columns(event_timestamp=pl.lit(as_of)).to_pandas()
        path = folder / "features.parquet"
        frame.to_parquet(path)
        (folder / "feature_store.yaml").write_text(json.dumps(_store_settings()), encoding="utf-8")
        store = FeatureStore(repo_path=str(folder))
        entity = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.STRING)
        view = FeatureView(
            name="plain",
            entities=[entity],
            schema=[Field(name=name, dtype=Float64) for name in FEATURES],
            source=FileSource(path=str(path), timestamp_field="event_timestamp"),
        )
        store.apply([entity, view, FeatureService(name="plain_service", features=[view])])
        for start in range(0, len(frame), _BATCH):
            store.write_to_online_store("plain", df=frame.iloc[start : start + _BATCH])


def _store_settings() -> dict[str, object]:
    """Of `feature_store.yaml`; JSON is YAML."""
    return {
        "project": "usual",
        "provider": "local",
        "registry": "registry.db",
        "online_store": {"type": "sqlite", "path": "online.db"},
        "offline_store": {"type": "duckdb"},
        "entity_key_serialization_version": 3,
    }
