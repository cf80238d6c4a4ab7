"""On how few the shop rests: shares of the largest customers and products, the Gini coefficient, the Lorenz curve."""

from __future__ import annotations

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict

from features.history.finding import Finding, percent

_TOP = (1, 10, 50)  # percent of the customers or products, the largest first
_POINTS = 51  # of the Lorenz curve
_HEAVY = 0.05  # share from which one customer or product is named


class Concentration(BaseModel):
    """How one quantity is spread over customers or products.

    Attributes:
        of: what is spread, e.g. "revenue".
        over: over what, "customer" or "product".
        things: how many there are.
        top: percent of the things, the largest first → their share; at least one thing.
        gini: 0: all alike; 1: one has everything.
        lorenz: shares held by the smallest 0, 2, …, 100 % of the things.
        largest: id of the largest thing.
        largest_share: what it has.
    """

    model_config = ConfigDict(frozen=True)

    of: str
    over: str
    things: int
    top: dict[int, float]
    gini: float
    lorenz: tuple[float, ...]
    largest: str
    largest_share: float

    def findings(self) -> list[Finding]:
        """Whether somebody stands out."""
        shares = ", ".join(f"{n} % have {percent(share)}" for n, share in self.top.items())
        found = [
            Finding(
                severity="ok",
                about="concentration",
                sentence=f"{self.of.capitalize()} over {self.things:,} {self.over}s: of the largest, {shares} (Gini {self.gini:.2f}).",
            )
        ]
        if self.largest_share >= _HEAVY and self.things > 1:
            customer = self.over == "customer"
            found.append(
                Finding(
                    severity="warning" if customer else "note",
                    about="concentration",
                    sentence=f"{self.over.capitalize()} {self.largest} alone has {percent(self.largest_share)} of the {self.of}.",
                    remedy="Is it a person, or a till, a marketplace or a wholesaler? Orders of a collective id belong to nobody."
                    if customer
                    else "Is it merchandise, or a fee, a deposit or a carrier bag? What is no merchandise belongs into excluded_categories "
                    "of assumptions.toml, or out of the catalogue.",
                )
            )
        return found


def concentration(amounts: pl.DataFrame, *, of: str, over: str) -> Concentration | None:
    """Measure a spread.

    Args:
        amounts: `id` and `amount` >= 0, one row a thing.
        of: what is spread.
        over: over what.

    Returns:
        None where there is nothing to spread.
    """
    amounts = amounts.filter(pl.col("amount") > 0).sort("amount", "id")
    if amounts.is_empty():
        return None
    values = amounts["amount"].to_numpy().astype(np.float64)
    cumulated = np.concatenate([[0.0], np.cumsum(values)])
    total, n = cumulated[-1], len(values)
    points = np.interp(np.linspace(0, n, _POINTS), np.arange(n + 1), cumulated / total)
    top = {share: float(1 - cumulated[n - max(1, round(n * share / 100))] / total) for share in _TOP}
    return Concentration(
        of=of,
        over=over,
        things=n,
        top=top,
        gini=float(2 * (values * np.arange(1, n + 1)).sum() / (n * total) - (n + 1) / n),
        lorenz=tuple(float(p) for p in points),
        largest=str(amounts["id"][-1]),
        largest_share=float(values[-1] / total),
    )
