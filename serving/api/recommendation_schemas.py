"""Requests and answers of `POST /v1/recommendations` and `POST /v1/bundles`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from serving.api.answer_schemas import PROVENANCE_EXAMPLE, Provenance
from serving.api.fields import Cart, Money, OpaqueId, Probability, Whole

MAX_RECOMMENDED = 100


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    customer_id: OpaqueId | None = Field(default=None, description="Nobody, or somebody unknown, gets what is popular.")
    limit: Whole = Field(default=10, ge=1, le=MAX_RECOMMENDED)
    cart: Cart = ()
    personalized: StrictBool = Field(default=True, description="False: nothing of the customer is read or used.")


class RecommendationsRequest(_Request):
    """Who is asked about."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"customer_id": "1", "limit": 5, "explore": True}, {"limit": 5}]},
    )

    explore: StrictBool = Field(default=False, description="True: nothing the customer bought in the last year.")


class BundlesRequest(_Request):
    """Who is asked about."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"customer_id": "1", "limit": 3}, {"personalized": False}]}
    )


class RecommendedItem(BaseModel):
    """One product."""

    product_id: str
    name: str
    price: Money | None = Field(description="Mean amount paid lately; null when it never sold.")
    score: float | None = Field(description="Ranks; log-odds. Null where no model ranked, and for somebody known who never ordered.")
    probability: Probability | None = Field(description="P(bought within 28 days). Null where no model ranked.")


class RecommendationsAnswer(Provenance):
    """Products, best first; every one active and in stock."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "customer_id": "1",
                    "personalized": True,
                    "items": [{"product_id": "1082185", "name": "BANANAS 40 LB", "price": 0.98, "score": -1.2, "probability": 0.23}],
                    **PROVENANCE_EXAMPLE,
                }
            ]
        },
    )

    customer_id: str | None
    personalized: bool
    items: list[RecommendedItem]


class RecommendedBundle(BaseModel):
    """One set of products."""

    bundle_id: str
    items: list[RecommendedItem]
    price: Money = Field(description="Sum of the products' prices less the assumed discount.")
    probability: Probability = Field(description="P(one order within 28 days holds the whole set).")
    support: int = Field(description="Orders that held the set.")
    lift: float = Field(description="How much more often than chance.")


class BundlesAnswer(Provenance):
    """Sets, best first; every product of them active and in stock."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "customer_id": "1",
                    "personalized": True,
                    "bundles": [
                        {
                            "bundle_id": "mined-3d76e8cefdbc",
                            "items": [
                                {"product_id": "1082185", "name": "BANANAS 40 LB", "price": 0.98, "score": None, "probability": None},
                                {"product_id": "981760", "name": "EGGS LARGE", "price": 1.29, "score": None, "probability": None},
                            ],
                            "price": 2.16,
                            "probability": 0.04,
                            "support": 812,
                            "lift": 2.4,
                        }
                    ],
                    **PROVENANCE_EXAMPLE,
                }
            ]
        },
    )

    customer_id: str | None
    personalized: bool
    bundles: list[RecommendedBundle]
