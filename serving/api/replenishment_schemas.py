"""Answer of `GET /v1/replenishments/due`."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from features.decisions.record import Holdout
from serving.api.answer_schemas import PROVENANCE_EXAMPLE, Provenance
from serving.api.fields import Probability


class DueView(BaseModel):
    """One category that one customer will need again."""

    customer_id: str
    category: str = Field(description="Where the shop's products carry no category, the product's id.")
    name: str = Field(description="The category for people to read: its own name, or the product's.")
    due_date: datetime = Field(description="When the chance of buying it again reaches one half, UTC.")
    probability: Probability = Field(description="P(bought again within 28 days).")
    quantity: float = Field(description="Usual quantity of a purchase.")
    holdout: Holdout | None = Field(
        description="universal: the customer is kept apart, send nothing; model_control: nothing that a model chose, as this list is."
    )
    product_id: str | None = Field(description="The customer's most recent product of it that may be offered, else its best seller.")


class DueAnswer(Provenance):
    """One page, the earliest due first."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "personalized": True,
                    "items": [
                        {
                            "customer_id": "1379",
                            "category": "SOFT DRINKS",
                            "name": "SOFT DRINKS",
                            "due_date": "2018-01-03T02:50:00Z",
                            "probability": 0.99,
                            "quantity": 3.5,
                            "holdout": None,
                            "product_id": "902640",
                        }
                    ],
                    "next_cursor": None,
                    **PROVENANCE_EXAMPLE,
                }
            ]
        },
    )

    personalized: bool = Field(description="False: nobody is listed.")
    items: list[DueView]
    next_cursor: str | None = Field(description="Hand it back for the next page; null on the last.")
