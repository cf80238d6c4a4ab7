"""Recommenders as the tracker's users call them: a pandas frame of recent purchases in, lists of ids and probabilities out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal

import numpy as np

from features.recent import RecentPurchases

if TYPE_CHECKING:
    import pandas as pd

FRAME_INPUTS: dict[str, Literal["strings", "longs", "doubles"]] = {
    "product_ids": "strings",
    "purchases": "longs",
    "days_since_last": "doubles",
}


def frame_outputs(id_column: str) -> dict[str, Literal["strings", "doubles"]]:
    """Columns of `recommendation_frame`, for the tracker's signature."""
    return {id_column: "strings", "probability": "doubles"}


def recommendation_frame(
    frame: pd.DataFrame, id_column: str, recommend: Callable[[RecentPurchases], Iterable[tuple[str, float]]]
) -> pd.DataFrame:
    """Recommend for each row of a frame.

    Args:
        frame: list columns `FRAME_INPUTS` and, if there is one, `orders`; without it the largest count of purchases stands for it.
        id_column: name of the answer's list of ids.
        recommend: recent purchases → (id, probability), best first.

    Returns:
        The same index; list columns `id_column` and `probability`.
    """
    import pandas as pd

    rows = []
    for row in frame.to_dict("records"):
        purchases = np.asarray(row["purchases"], np.int32)
        orders = int(row.get("orders", purchases.max(initial=0)))
        ages = np.asarray(row["days_since_last"], np.float32)
        best = list(recommend(RecentPurchases(np.asarray(row["product_ids"], np.str_), purchases, ages, orders)))
        rows.append({id_column: [name for name, _ in best], "probability": [p for _, p in best]})
    return pd.DataFrame(rows, index=frame.index, columns=[id_column, "probability"])
