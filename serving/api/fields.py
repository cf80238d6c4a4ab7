"""Kinds of values that several requests and answers share: ids, amounts, probabilities."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from fastapi import Query
from pydantic import BeforeValidator, Field, PlainSerializer, StrictInt, StringConstraints

MAX_CART = 200
NO_CONTROL_CHARACTERS = r"^[^\x00-\x1f\x7f]+$"

OpaqueId = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=NO_CONTROL_CHARACTERS)]
Cart = Annotated[tuple[OpaqueId, ...], Field(max_length=MAX_CART, description="Product ids in the cart now; never offered again.")]
Channel = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,32}$")]
Probability = Annotated[float, Field(ge=0, le=1)]
Percentile = Annotated[float, Field(ge=0, le=100)]
# A JSON number with two decimals: pydantic would write a decimal as a string.
Money = Annotated[Decimal, PlainSerializer(float, return_type=float)]


Personalized = Annotated[bool, Query(description="False: nothing of any customer is looked up, read or used.")]


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


# JSON knows one kind of number: 3.0 is the integer 3, but "3" and true are not.
Whole = Annotated[StrictInt, BeforeValidator(_whole)]


def probability(value: float) -> float:
    """Clip rounding errors and keep six decimals: more would suggest a precision that no model has."""
    return round(min(max(float(value), 0.0), 1.0), 6)
