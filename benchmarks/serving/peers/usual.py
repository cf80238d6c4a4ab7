"""The usual way: FastAPI, Feast's SDK, three boosters, implicit: `python -m benchmarks.serving.peers.usual FOLDER PORT`.

Done well: everything is loaded once, the feature service is fetched once, trees are asked with one thread, the endpoint is `async` (a
thread pool would halve it), and what implicit needs stands ready. The trees are the product's own; what they read beyond Feast's sixty
features is left missing, which costs them nothing.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import uvicorn
from fastapi import FastAPI
from implicit.cpu.als import AlternatingLeastSquares
from pydantic import BaseModel
from scipy import sparse

from features.feast_repo.unchecked import unchecked

_ITEMS = 20


class Asked(BaseModel):
    """Whom it is about."""

    customer_id: str
    channel: str | None = None
    limit: int = 3


class Recommended(BaseModel):
    """One product."""

    product_id: str
    score: float


class Answered(BaseModel):
    """Three probabilities and the best products."""

    customer_id: str
    probabilities: dict[str, float]
    items: list[Recommended]


class Usual:
    """What one request needs, loaded once."""

    def __init__(self, folder: Path) -> None:
        with unchecked():  # Feast without the run-time type checks of its own methods: starts in a fifth of the time, and answers no slower
            from feast import FeatureStore

        self.store = FeatureStore(repo_path=str(folder))
        self.service = self.store.get_feature_service("plain_service")
        self.names = [feature.name for feature in self.service.feature_view_projections[0].features]
        self.trees = {path.stem: lgb.Booster(model_file=str(path)) for path in sorted(folder.glob("*.txt"))}
        self.rows = {name: np.full((1, booster.num_feature()), np.nan) for name, booster in self.trees.items()}
        factors, ids = np.load(folder / "factors.npz"), np.load(folder / "ids.npz")
        self.als = AlternatingLeastSquares(factors=factors["items"].shape[1], num_threads=1)
        self.als.user_factors, self.als.item_factors = factors["users"], factors["items"]
        self.bought = sparse.load_npz(folder / "bought.npz")
        self.places = {customer: i for i, customer in enumerate(ids["customers"].tolist())}
        self.products: list[str] = ids["products"].tolist()

    def answer(self, customer_id: str) -> Answered:
        """Read, predict, recommend."""
        found = self.store.get_online_features(features=self.service, entity_rows=[{"customer_id": customer_id}]).to_dict()
        values = np.array([found[name][0] for name in self.names], dtype=np.float64)  # by name: the order is random per process
        return Answered(customer_id=customer_id, probabilities=self._probabilities(values), items=self._items(customer_id))

    def _probabilities(self, values: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, float]:
        found = {}
        for name, booster in self.trees.items():
            row = self.rows[name]
            known = min(len(values), row.shape[1])
            row[0, :known] = values[:known]
            found[name] = float(booster.predict(row, num_threads=1)[0])
        return found

    def _items(self, customer_id: str) -> list[Recommended]:
        place = self.places.get(customer_id)
        if place is None:
            return []
        items, scores = self.als.recommend(place, self.bought[place], N=_ITEMS, filter_already_liked_items=True)
        return [Recommended(product_id=self.products[i], score=s) for i, s in zip(items.tolist(), scores.tolist(), strict=True)]


def application(folder: Path) -> FastAPI:
    """`POST /usual`."""
    app, usual = FastAPI(), Usual(folder)

    @app.post("/usual")
    async def answer(body: Asked) -> Answered:
        return usual.answer(body.customer_id)

    return app


def main() -> None:
    """Serve as `huitou serve` does: one process, no access log."""
    warnings.simplefilter("ignore")  # Feast's own
    uvicorn.run(application(Path(sys.argv[1])), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
